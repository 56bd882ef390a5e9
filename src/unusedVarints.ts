const refuse = (): never => {
  throw new Error('varint is not in the Worker: see src/unusedVarints.ts')
}

/**
 * In place of `varint` in the Worker's bundle (`[alias]` in wrangler.toml). `@atproto/repo` reads and writes CARs with it;
 * here our own code does (src/repo/car/), and nothing of this is left in the bundle: test/unusedVarints.test.ts holds it.
 */
export default { encode: refuse, decode: refuse }
