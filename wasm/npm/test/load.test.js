import assert from "node:assert/strict";
import { test } from "node:test";
import { isCode } from "../index.js";

test("names what is missing where there are no vector instructions, and loads once they are there", async (t) => {
  const { validate } = WebAssembly;
  t.after(() => (WebAssembly.validate = validate));
  WebAssembly.validate = () => false;
  await assert.rejects(isCode("kim"), { code: "unsupported", message: /WebAssembly SIMD.*Safari 16\.4/ });
  WebAssembly.validate = validate;
  assert.equal(await isCode("kim"), false);
});
