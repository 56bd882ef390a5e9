import { decodeCid, parseCid } from '@atproto/lex-data'
import { parseSwapCid } from '../../../src/account/repo/commits/parseSwapCid.ts'
import { blobRefs } from '../../../src/repo/blobRefs.ts'
import { cidText } from '../../../src/repo/cid.ts'
import { XrpcError } from '../../../src/xrpc/errors.ts'
import { cborCid, rawCid } from '../../repo/fixture.ts'
import { mutateBytes } from '../bytes.ts'
import type { Target } from '../engine.ts'
import { plain } from './same.ts'

const OTHERS = [
  'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPkGM',
  'zdpuAyvkgEDQm9TenwGkd5eNaosSxjgEYd8QatfPetgB1CdEZ',
].concat([
  'bafkqaaa',
  `z${'1'.repeat(4000)}`,
  `k${'z'.repeat(4000)}`,
  `b${'a'.repeat(4000)}`,
  'f01551220'.padEnd(73, '0'),
])

// A CID's own `toString` returns the text that it was read from.
const cidOf = (bytes: Uint8Array | undefined): string | undefined => bytes && cidText(bytes)

/** CIDs as text, wherever a caller may give one, and as bytes. */
export const cid: Target<string, { swap: string | undefined; blob: string | undefined }> = {
  name: 'cid',
  typed: [XrpcError],
  generate: (random) => {
    const bytes = random.bytes(random.int(40))
    const good = (random.chance(0.5) ? cborCid(bytes) : rawCid(bytes)).toString()
    if (random.chance(0.1)) return good
    const text = Buffer.from(random.chance(0.2) ? random.pick(OTHERS) : good)
    return Buffer.from(mutateBytes(text, random)).toString('latin1')
  },
  run: (text) => {
    const [blob] = blobRefs({ cid: text, mimeType: 'image/png' })
    return { swap: cidOf(parseSwapCid('swapCommit', text)?.bytes), blob: cidOf(blob?.cid.bytes) }
  },
  check: (text, { swap, blob }) => {
    if (blob !== undefined && blob !== text) throw new Error(`a reference to ${blob}`)
    if (swap !== undefined && swap !== text) throw new Error(`it is ${swap}`)
    const bytes = decodeCid(parseCid(text).bytes)
    if (cidText(bytes.bytes) !== bytes.toString()) throw new Error(`cidText says ${cidText(bytes.bytes)}`)
  },
  ...plain,
}
