import { bytesToMultibase, multibaseToBytes } from '@atproto/crypto'
import { bases as ofPackage } from 'multiformats/basics'
import { expect, test } from 'vitest'
import { bundleWorker } from '../dev/bundle.ts'
import { bases } from '../src/multibases.ts'

const BYTES = new Uint8Array([0, 1, 127, 128, 254, 255, 7])

test('each base is that of the package', () => {
  expect(Object.keys(bases)).not.toHaveLength(0)
  for (const [name, base] of Object.entries(bases)) expect(ofPackage).toHaveProperty(name, base)
})

test.each(Object.entries(ofPackage))(
  '@atproto/crypto writes and reads multibase in %s only if it is one of ours',
  (name, base) => {
    const text = base.encode(BYTES)
    if (Object.hasOwn(bases, name)) return expect(base.decode(text)).toEqual(BYTES)
    expect(() => multibaseToBytes(text)).toThrow('Unsupported multibase')
    // What the package's types do not take as an encoding is refused when it runs, too.
    expect(() => bytesToMultibase(BYTES, base.name)).toThrow('Unsupported multibase')
  },
)

test('the bundle has them in place of the package', async () => {
  const { code } = await bundleWorker()
  expect(code).toContain('base64urlpad')
  expect(code).not.toContain('base256emoji')
})
