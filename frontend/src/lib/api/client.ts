/** The API, typed by `schema.d.ts`, which `make check` compares with the server's own schema. */
import createClient from "openapi-fetch";

import { t } from "$lib/i18n";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The values of an error's message: numbers, names, times. */
export type Details = Record<string, string | number>;

/** An error response of the API. `wordsFor` has its message for the user. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly words: string,
    readonly details: Details,
    readonly retryAfter: number | null,
  ) {
    super(words);
    this.name = "ApiError";
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, credentials: "same-origin" });

type Listener = () => void;
const signedOutListeners = new Set<Listener>();

/** Call `listener` whenever the server reports that the session has ended. */
export function onSignedOut(listener: Listener): void {
  signedOutListeners.add(listener);
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Return the data of a response. Throws `ApiError`, also if the server is unreachable (code `offline`). */
export async function ask<T>(answering: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await answering;
  } catch (problem) {
    if (problem instanceof DOMException && problem.name === "AbortError") throw problem;
    throw new ApiError(0, "offline", t("error.offline"), {}, null);
  }
  if (answer.response.ok) return answer.data as T;
  const error = errorOf(answer.response, answer.error);
  if (error.code === "unauthenticated") signedOutListeners.forEach((listener) => listener());
  throw error;
}

function errorOf(response: Response, body: unknown): ApiError {
  const said = (body as { error?: { code?: unknown; message?: unknown; details?: Details } } | undefined)
    ?.error;
  const wait = Number(response.headers.get("retry-after"));
  return new ApiError(
    response.status,
    typeof said?.code === "string" ? said.code : `http_${response.status}`,
    typeof said?.message === "string" ? said.message : t("error.unknown"),
    said?.details ?? {},
    Number.isFinite(wait) && wait > 0 ? wait : null,
  );
}
