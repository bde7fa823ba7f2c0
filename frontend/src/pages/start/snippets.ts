import type { Schemas } from "$lib/api/client";

/** Programs that call a model through Daybook, with the user's own address and code. */
export interface Kit {
  readonly id: string;
  readonly name: string;
  /** The family of its API: not every model answers each. */
  readonly family: keyof Schemas["FirstModelsResponse"];
  readonly program: (origin: string, code: string, model: string) => string;
}

export const SNIPPETS: readonly Kit[] = [
  {
    id: "openai",
    name: "OpenAI",
    family: "openai",
    program: (origin, code, model) => `# pip install openai
from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${code}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Say hello in one short sentence."}],
)
print(answer.choices[0].message.content)`,
  },
  {
    id: "anthropic",
    name: "Anthropic",
    family: "anthropic",
    program: (origin, code, model) => `# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url="${origin}", api_key="${code}")
answer = client.messages.create(
    model="${model}",
    max_tokens=100,
    messages=[{"role": "user", "content": "Say hello in one short sentence."}],
)
print(answer.content[0].text)`,
  },
  {
    id: "gemini",
    name: "Gemini",
    family: "gemini",
    program: (origin, code, model) => `# pip install google-genai
from google import genai

client = genai.Client(api_key="${code}", http_options={"base_url": "${origin}"})
answer = client.models.generate_content(
    model="${model}", contents="Say hello in one short sentence."
)
print(answer.text)`,
  },
  {
    id: "curl",
    name: "curl",
    family: "openai",
    program: (origin, code, model) => `curl ${origin}/v1/chat/completions \\
  -H 'Authorization: Bearer ${code}' \\
  -H 'Content-Type: application/json' \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Say hello in one short sentence."}]}'`,
  },
];
