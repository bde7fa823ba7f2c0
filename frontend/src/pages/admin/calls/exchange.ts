/** The exchange of a call as readable text, and as a `curl` command. */
import type { Schemas } from "$lib/api/client";

type Exchange = Schemas["CallDetailResponse"];

export interface Said {
  readonly who: string;
  readonly text: string;
}

const PATHS: Record<string, string> = {
  "chat.completions": "/v1/chat/completions",
  completions: "/v1/completions",
  responses: "/v1/responses",
  embeddings: "/v1/embeddings",
  messages: "/v1/messages",
};

/** Return the messages of the request and the answer, each with its role. */
export function readable(call: Exchange): Said[] {
  const messages = Array.isArray(call.request_messages) ? call.request_messages : [call.request_messages];
  const asked = messages.map((message) => said(message));
  return call.response_content === null
    ? asked
    : [...asked, { who: "assistant", text: call.response_content ?? "" }];
}

/** Return a `curl` command that repeats the request. The user fills in the code, which is not stored. */
export function asCurl(call: Exchange, origin: string): string {
  const path = PATHS[call.api ?? ""] ?? "/v1/chat/completions";
  const key = path === "/v1/responses" || path === "/v1/embeddings" ? "input" : "messages";
  const body = JSON.stringify({ model: call.model, ...call.request_params, [key]: call.request_messages });
  return [
    `curl ${quoted(origin + path)}`,
    `-H 'Authorization: Bearer YOUR_CODE'`,
    `-H 'Content-Type: application/json'`,
    `-d ${quoted(body)}`,
  ].join(" \\\n  ");
}

function said(message: unknown): Said {
  if (typeof message === "string") return { who: "user", text: message };
  const { role, content, parts } = (message ?? {}) as { role?: unknown; content?: unknown; parts?: unknown };
  return { who: typeof role === "string" ? role : "user", text: textOf(content ?? parts ?? message) };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(textOf).filter(Boolean).join("\n");
  if (content === null || content === undefined) return "";
  const { text, type } = content as { text?: unknown; type?: unknown };
  if (typeof text === "string") return text;
  return typeof type === "string" && type !== "text" ? `[${type}]` : JSON.stringify(content);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
