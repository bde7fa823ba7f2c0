import { dispatch } from "../../test-browser";

import { beforeEach, describe, expect, test, vi } from "vitest";

import { setLanguage } from "$lib/i18n";

import { uploads } from "./uploads.svelte";

interface Options {
  metadata: Record<string, string>;
  onShouldRetry: (problem: unknown) => boolean;
  onAfterResponse: (request: unknown, response: unknown) => void;
  onProgress: (sent: number, total: number) => void;
  onSuccess: () => void;
  onError: (problem: unknown) => void;
}

/** An upload of tus whose course a test decides. */
const FakeUpload = vi.hoisted(
  () =>
    class FakeUpload {
      static made: InstanceType<typeof FakeUpload>[] = [];
      static earlier: object[] = [];
      url: string | null = "/api/v1/uploads/1";
      state = "made";
      resumed: object | null = null;

      constructor(
        readonly file: File,
        readonly options: Options,
      ) {
        FakeUpload.made.push(this);
      }

      findPreviousUploads = () => Promise.resolve(FakeUpload.earlier);
      resumeFromPreviousUpload = (earlier: object) => (this.resumed = earlier);
      start = () => (this.state = "started");
      abort = (terminate?: boolean) => {
        this.state = terminate ? "terminated" : "aborted";
        return Promise.resolve();
      };
    },
);

const hashes = vi.hoisted(() => vi.fn((file: File) => Promise.resolve(`sha of ${file.name.split(".")[0]}`)));
vi.mock("tus-js-client", () => ({ Upload: FakeUpload }));
vi.mock("./hashing", () => ({ sha256: (file: File) => hashes(file) }));

const file = (name: string) => ({ name, type: "video/mp4", lastModified: 7 }) as File;
const settled = () => new Promise((resolve) => setTimeout(resolve));
const failed = (status: number, body = "") => ({
  originalResponse: status ? { getStatus: () => status, getBody: () => body } : null,
});
const leaving = () => {
  const event = new Event("beforeunload", { cancelable: true });
  dispatch(event);
  return event.defaultPrevented;
};

beforeEach(async () => {
  await setLanguage("en");
  for (const upload of uploads.files) await uploads.remove(upload);
  uploads.taken = 0;
  FakeUpload.made = [];
  FakeUpload.earlier = [];
  hashes.mockClear();
});

/** Add files, and return their uploads here and at tus. */
async function begin(...names: string[]) {
  uploads.add(names.map(file));
  await settled();
  return { here: uploads.files, sent: FakeUpload.made };
}

const phases = () => uploads.files.map((one) => one.phase);

describe("an upload", () => {
  test("is hashed, sent and done", async () => {
    const { here, sent } = await begin("a.mp4");
    expect(phases()).toEqual(["sending"]);
    expect(sent[0]?.options.metadata).toMatchObject({
      filename: "a.mp4",
      sha256: "sha of a",
      lastModified: "7",
    });

    sent[0]?.options.onProgress(1, 4);
    expect(here[0]?.progress).toBe(0.25);
    sent[0]?.options.onSuccess();
    expect(phases()).toEqual(["done"]);
    expect(uploads.taken).toBe(1);
  });

  test("goes on where it stopped, without another hash", async () => {
    const { here, sent } = await begin("a.mp4");
    await here[0]?.pause();
    expect(phases()).toEqual(["paused"]);
    expect(sent[0]?.state).toBe("aborted");

    FakeUpload.earlier = [{ uploadUrl: "/api/v1/uploads/1" }];
    uploads.resume(uploads.files[0]!);
    await settled();
    expect(phases()).toEqual(["sending"]);
    expect(sent[1]).toMatchObject({ state: "started", resumed: { uploadUrl: "/api/v1/uploads/1" } });
    expect(hashes).toHaveBeenCalledOnce();
  });

  test("that is paused while it is hashed sends nothing", async () => {
    hashes.mockImplementationOnce(
      () => new Promise((_, reject) => setTimeout(() => reject(new DOMException("", "AbortError")))),
    );
    uploads.add([file("a.mp4")]);
    await uploads.files[0]?.pause();
    await settled();

    expect(phases()).toEqual(["paused"]);
    expect(FakeUpload.made).toEqual([]);
  });

  test("of a file that the server had before is known", async () => {
    const { here, sent } = await begin("a.mp4");
    sent[0]?.options.onAfterResponse({ getMethod: () => "POST" }, { getHeader: () => "recording-1" });

    expect(here[0]).toMatchObject({ phase: "known", recording: "recording-1" });
    expect(uploads.taken).toBe(0);
  });

  test("that is refused says why", async () => {
    const { here, sent } = await begin("a.mp4");
    const error = { code: "not_a_video", message: "", details: { detail: "text" } };
    sent[0]?.options.onError(failed(422, JSON.stringify({ error })));

    expect(here[0]).toMatchObject({ phase: "refused", error: "This is not a video. It is text." });
  });

  test.each([0, 503])("that fails with status %d can be resumed", async (status) => {
    const { here, sent } = await begin("a.mp4");
    sent[0]?.options.onError(failed(status));

    expect(here[0]?.phase).toBe("paused");
    expect(here[0]?.error).toMatch(/^Daybook cannot be reached/);
  });

  test("is retried unless the server refuses it", async () => {
    const { sent } = await begin("a.mp4");
    const retried = [0, 409, 423, 500, 503].map((status) => sent[0]?.options.onShouldRetry(failed(status)));
    const final = [400, 404, 413, 422].map((status) => sent[0]?.options.onShouldRetry(failed(status)));

    expect(new Set(retried)).toEqual(new Set([true]));
    expect(new Set(final)).toEqual(new Set([false]));
  });

  test("that is removed is deleted on the server; one that is done is not", async () => {
    const { sent } = await begin("a.mp4", "b.mp4");
    sent[1]?.options.onSuccess();
    await uploads.remove(uploads.files[1]!);
    await uploads.remove(uploads.files[0]!);

    expect(sent.map((one) => one.state)).toEqual(["terminated", "started"]);
    expect(uploads.files).toEqual([]);
  });
});

describe("the queue", () => {
  test("sends two at once, and the next when one ends", async () => {
    const { sent } = await begin("a.mp4", "b.mp4", "c.mp4");
    expect(phases()).toEqual(["sending", "sending", "waiting"]);

    sent[0]?.options.onSuccess();
    await settled();
    expect(phases()).toEqual(["done", "sending", "sending"]);
  });

  test("sends the same content once", async () => {
    const { here, sent } = await begin("a.mp4", "a.copy.mp4");
    expect(phases()).toEqual(["sending", "waiting"]);

    sent[0]?.options.onAfterResponse({ getMethod: () => "PATCH" }, { getHeader: () => "recording-1" });
    sent[0]?.options.onSuccess();
    await settled();
    expect(phases()).toEqual(["done", "known"]);
    expect(here[1]?.recording).toBe("recording-1");
    expect(sent).toHaveLength(1);
  });

  test("sends the second of the same content if the first is refused", async () => {
    const { sent } = await begin("a.mp4", "a.copy.mp4");
    sent[0]?.options.onError(failed(422));
    await settled();

    expect(phases()).toEqual(["refused", "sending"]);
  });

  test("lets the browser ask before the page is closed while it is busy", async () => {
    const { sent } = await begin("a.mp4");
    expect(leaving()).toBe(true);
    sent[0]?.options.onSuccess();
    expect(uploads.isBusy).toBe(false);
  });
});
