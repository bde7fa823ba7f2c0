/** Programs that call a model through Daybook, with the reader's own address and code: only the base URL is not the usual. */
export interface Kit {
  readonly id: string;
  readonly name: string;
  readonly program: (origin: string, code: string) => string;
}

export const SNIPPETS: readonly Kit[] = [
  {
    id: "openai",
    name: "OpenAI",
    program: (origin, code) => `# pip install openai
from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${code}")
answer = client.chat.completions.create(
    model="daybook-demo",
    messages=[{"role": "user", "content": "Say hello in one short sentence."}],
)
print(answer.choices[0].message.content)`,
  },
  {
    id: "anthropic",
    name: "Anthropic",
    program: (origin, code) => `# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url="${origin}", api_key="${code}")
answer = client.messages.create(
    model="daybook-demo",
    max_tokens=100,
    messages=[{"role": "user", "content": "Say hello in one short sentence."}],
)
print(answer.content[0].text)`,
  },
  {
    id: "gemini",
    name: "Gemini",
    program: (origin, code) => `# pip install google-genai
from google import genai

client = genai.Client(api_key="${code}", http_options={"base_url": "${origin}"})
answer = client.models.generate_content(
    model="gemini-2.5-flash", contents="Say hello in one short sentence."
)
print(answer.text)`,
  },
  {
    id: "curl",
    name: "curl",
    program: (origin, code) => `curl ${origin}/v1/chat/completions \\
  -H 'Authorization: Bearer ${code}' \\
  -H 'Content-Type: application/json' \\
  -d '{"model": "daybook-demo", "messages": [{"role": "user", "content": "Say hello in one short sentence."}]}'`,
  },
];
