import { describe, expect, it } from 'vitest'
import { bundleWorker } from '../dev/bundle.ts'
import { z } from '../src/unusedSchemas.ts'

/**
 * What checks a value with a schema, and what the library calls to get there. The parsers of @atproto/oauth-scopes are its
 * own.
 */
const CHECK =
  /\.safeParse\(|(?<!\b(?:JSON|CID|Date|NSID)|(?:Permission|IncludeScope)\.parser)\.parse(?:Async)?\(|asBlobRef\(|readObjAndBytes\(|attemptRead\(/

describe('the Worker without zod', () => {
  it('has no function that checks with a schema but those that are known, and calls none of them', async () => {
    const { code } = await bundleWorker()
    expect(code).toContain('zod is not in the Worker')
    const lines = code.split('\n').filter((line) => CHECK.test(line))
    // The bundler numbers names that occur twice.
    const found = lines.map((line) => line.trim().replace(/(?<=[a-z])\d+\b/g, ''))
    const known = [
      // @atproto/common-web: `check`, which only `BlobRef` uses.
      'return def.safeParse(obj).success;',
      'var create = /* @__PURE__ */ __name((def) => (v) => def.safeParse(v).success, "create");',
      'return def.parse(obj);',
      // @atproto/lexicon: for blobs in JSON, which src/xrpc/readData.ts reads, and for lexicons themselves.
      'static asBlobRef(obj) {',
      'const result = typeSchema.safeParse(val);',
      // @atproto/repo: `ReadableBlockstore`, whose `readObj` is ours.
      'const res = def.schema.safeParse(obj);',
      'async attemptRead(cid, def) {',
      'async readObjAndBytes(cid, def) {',
      'const read = await this.attemptRead(cid, def);',
      'const obj = await this.readObjAndBytes(cid, def);',
    ]
    expect(found.toSorted()).toEqual(known.toSorted())
  })

  it('makes schemas as the libraries do, and throws where one would check', () => {
    // As the libraries use it.
    const { object, string, nullable } = z as Record<string, (of?: unknown) => Record<string, () => unknown>>
    const schema = object?.({ name: string?.().optional?.(), next: nullable?.(string?.()) })
    expect(() => schema?.strict?.()).not.toThrow()
    expect(() => schema?.safeParse?.()).toThrow('zod is not in the Worker')
    expect(() => schema?.parse?.()).toThrow('zod is not in the Worker')
  })
})
