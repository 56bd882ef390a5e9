/** Where a value would be checked with a schema. */
const CHECKS: ReadonlySet<string | symbol> = new Set(['parse', 'parseAsync', 'safeParse', 'safeParseAsync'])

const refuse = (): never => {
  throw new Error('zod is not in the Worker: see src/unusedSchemas.ts')
}

const schema: object = new Proxy(() => {}, {
  get: (_, name) => (CHECKS.has(name) ? refuse : schema),
  apply: () => schema,
})

/**
 * In place of `zod` in the Worker's bundle (`[alias]` in wrangler.toml), where it would be 14 KB gzip. `@atproto/repo` and
 * `@atproto/lexicon` make schemas with it when they are loaded, and check with them only in functions that are not called
 * here: nodes of trees are read by our own reader (account/repo/commits/nodeStore.ts), and the lexicons are our own. A
 * check throws. Which functions of the bundle could check is held by test/unusedSchemas.test.ts.
 */
export const z = schema
