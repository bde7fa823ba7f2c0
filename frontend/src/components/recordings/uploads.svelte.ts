/**
 * Uploads by tus. They resume where they stopped: after a pause, a lost connection or a reload.
 * After a reload the user chooses the file again; it is recognised by name, size and date.
 */
import { Upload, type DetailedError, type HttpRequest } from "tus-js-client";

import type { Details } from "$lib/api/client";
import { wordsOf } from "$lib/errors";
import { t } from "$lib/i18n";
import { sha256 } from "./hashing";

export type Phase = "waiting" | "checking" | "sending" | "paused" | "done" | "known" | "refused";

const AT_ONCE = 2;
const PIECE = 64 * 2 ** 20; // bytes of one request, for proxies that buffer it

export class FileUpload {
  phase = $state<Phase>("waiting");
  /** From 0 to 1, of the current phase. */
  progress = $state(0);
  error = $state<string | null>(null);
  recording = $state<string | null>(null);
  readonly file: File;
  #upload: Upload | null = null;
  #hash: string | null = null;
  #stop = new AbortController();
  readonly #onend: () => void;
  readonly #twinOf: (hash: string) => FileUpload | undefined;

  /** `twinOf` finds another upload of the same content, active or complete. */
  constructor(file: File, onend: () => void, twinOf: (hash: string) => FileUpload | undefined) {
    this.file = file;
    this.#onend = onend;
    this.#twinOf = twinOf;
  }

  get isActive(): boolean {
    return this.phase === "checking" || this.phase === "sending";
  }

  /** SHA-256 of the file; null until it is computed. */
  get hash(): string | null {
    return this.#hash;
  }

  /** True if another upload of the same content is active: this one waits for its result. */
  get isHeld(): boolean {
    return this.#hash !== null && (this.#twinOf(this.#hash)?.isActive ?? false);
  }

  /** Start or resume the upload. */
  async start(): Promise<void> {
    this.error = null;
    this.#stop = new AbortController();
    try {
      if (this.#hash === null) {
        this.phase = "checking";
        this.progress = 0;
        this.#hash = await sha256(this.file, (share) => (this.progress = share), this.#stop.signal);
      }
      const twin = this.#twinOf(this.#hash);
      if (twin?.isActive) {
        this.phase = "waiting";
        this.#onend();
      } else if (twin) {
        this.recording = twin.recording;
        this.#finish("known");
      } else await this.#send(this.#hash);
    } catch (problem) {
      if (problem instanceof DOMException && problem.name === "AbortError") return;
      this.#fail(problem);
    }
  }

  /** Stop sending. The server keeps the part received for days. */
  async pause(): Promise<void> {
    this.#stop.abort();
    await this.#upload?.abort();
    this.phase = "paused";
    this.#onend();
  }

  /** Cancel the upload and delete the part received. */
  async remove(): Promise<void> {
    this.#stop.abort();
    await this.#upload?.abort(this.#upload.url !== null).catch(() => undefined);
    this.#onend();
  }

  async #send(hash: string): Promise<void> {
    this.phase = "sending";
    this.progress = 0;
    const { file } = this;
    const upload = new Upload(file, {
      endpoint: "/api/v1/uploads",
      chunkSize: PIECE,
      retryDelays: [0, 1000, 3000, 5000, 10_000, 20_000],
      removeFingerprintOnSuccess: true,
      metadata: {
        filename: file.name,
        filetype: file.type,
        sha256: hash,
        lastModified: String(file.lastModified),
      },
      onShouldRetry: (problem) => {
        const status = problem.originalResponse?.getStatus() ?? 0;
        return status < 400 || status >= 500 || status === 409 || status === 423;
      },
      onAfterResponse: (request: HttpRequest, response) => {
        const recording = response.getHeader("x-daybook-recording");
        if (!recording) return;
        this.recording = recording;
        // In response to the first request: the server had this file before.
        if (request.getMethod() === "POST") {
          this.#finish("known");
          void upload.abort();
        }
      },
      onProgress: (sent, total) => (this.progress = total ? sent / total : 1),
      onSuccess: () => this.#finish("done"),
      onError: (problem) => {
        if (this.phase === "sending") this.#fail(problem);
      },
    });
    this.#upload = upload;
    const [earlier] = await upload.findPreviousUploads();
    if (this.#stop.signal.aborted) return;
    if (earlier) upload.resumeFromPreviousUpload(earlier);
    upload.start();
  }

  #finish(phase: "done" | "known"): void {
    this.phase = phase;
    this.progress = 1;
    this.#onend();
  }

  #fail(problem: unknown): void {
    const response = (problem as DetailedError).originalResponse;
    this.phase = response && response.getStatus() >= 400 && response.getStatus() < 500 ? "refused" : "paused";
    this.error = saidIn(response?.getBody()) ?? t("error.offline");
    this.#onend();
  }
}

class UploadQueue {
  files = $state<FileUpload[]>([]);
  /** Number of files that became recordings: a list reloads when it changes. */
  taken = $state(0);

  get isBusy(): boolean {
    return this.files.some((one) => one.isActive || one.phase === "waiting");
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const upload: FileUpload = new FileUpload(
        file,
        () => {
          if (upload.phase === "done") this.taken++;
          this.#next();
        },
        (hash) =>
          this.files.find(
            (one) =>
              one.file !== file && one.hash === hash && ["sending", "done", "known"].includes(one.phase),
          ),
      );
      this.files.push(upload);
    }
    this.#next();
  }

  resume(upload: FileUpload): void {
    upload.phase = "waiting";
    this.#next();
  }

  async remove(upload: FileUpload): Promise<void> {
    this.files = this.files.filter((one) => one !== upload);
    if (upload.phase !== "done" && upload.phase !== "known") await upload.remove();
  }

  #next(): void {
    const active = this.files.filter((one) => one.isActive).length;
    const waiting = this.files
      .filter((one) => one.phase === "waiting" && !one.isHeld)
      .slice(0, Math.max(0, AT_ONCE - active));
    for (const upload of waiting) void upload.start();
  }
}

/** The uploads of this tab. They continue while other pages are shown. */
export const uploads = new UploadQueue();

addEventListener("beforeunload", (event) => {
  if (uploads.isBusy) event.preventDefault();
});

function saidIn(body: string | undefined): string | null {
  try {
    const { error } = JSON.parse(body ?? "") as {
      error?: { code: string; message: string; details: Details };
    };
    return error ? wordsOf(error) : null;
  } catch {
    return null;
  }
}
