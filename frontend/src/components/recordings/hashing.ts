import address from "./hash.worker.ts?worker&url";

// Trusted Types: only this address may be loaded as a worker.
const trusted = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes
  ?.createPolicy("daybook-worker", { createScriptURL: () => address })
  .createScriptURL("");

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: () => string },
  ): { createScriptURL: (text: string) => string };
}

/** Return the SHA-256 of a file, computed in a worker so that the page stays responsive. */
export function sha256(
  file: File,
  onprogress: (share: number) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(trusted ?? address, { type: "module" });
    const stop = () => {
      worker.terminate();
      reject(new DOMException("stopped", "AbortError"));
    };
    signal.addEventListener("abort", stop, { once: true });
    const end = () => {
      signal.removeEventListener("abort", stop);
      worker.terminate();
    };
    worker.onmessage = (event: MessageEvent<{ done: number } | { hash: string } | { error: string }>) => {
      const said = event.data;
      if ("done" in said) onprogress(file.size ? said.done / file.size : 1);
      else {
        end();
        if ("hash" in said) resolve(said.hash);
        else reject(new Error(said.error));
      }
    };
    worker.onerror = (event) => {
      end();
      reject(new Error(event.message));
    };
    worker.postMessage(file);
  });
}
