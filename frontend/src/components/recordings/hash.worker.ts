import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const PIECE = 8 * 2 ** 20;

onmessage = async (event: MessageEvent<File>) => {
  const file = event.data;
  try {
    const hash = sha256.create();
    for (let at = 0; at < file.size; at += PIECE) {
      hash.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
      postMessage({ done: Math.min(at + PIECE, file.size) });
    }
    postMessage({ hash: bytesToHex(hash.digest()) });
  } catch (problem) {
    postMessage({ error: String(problem) });
  }
};
