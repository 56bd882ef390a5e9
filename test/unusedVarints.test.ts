import { expect, test } from 'vitest'
import { bundleWorker } from '../dev/bundle.ts'
import varint from '../src/unusedVarints.ts'

test('nothing in the Worker reads or writes a varint with the library', async () => {
  const { code } = await bundleWorker()
  expect(code).not.toContain('varint is not in the Worker')
  expect(code).not.toContain('node_modules/varint')
})

test('what stands in for the library throws', () => {
  expect(varint.encode).toThrow('varint is not in the Worker')
  expect(varint.decode).toThrow('varint is not in the Worker')
})
