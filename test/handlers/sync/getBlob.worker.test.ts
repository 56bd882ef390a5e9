import { describe, expect, it } from 'vitest'
import type { BlobRef } from '../../../src/client/index.ts'
import { put, upload } from '../support/blobs.ts'
import { bytesOf, failure } from '../support/calls.ts'
import { inWorld } from '../support/world.ts'

const CID = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

describe('getBlob', () => {
  it('answers parts, refuses a part that lies outside, and gives an empty blob whole', () =>
    inWorld({}, async ({ client, did, signIn }) => {
      const owner = await signIn()
      const [full, empty] = [await upload(owner, 'hello', 'a/b'), await upload(owner, '', 'a/b')]
      await put(owner, did, 'both', { full, empty })
      const ask = (blob: BlobRef, range: string) =>
        client.com.atproto.sync.getBlob({ did, cid: blob.ref.$link }, { headers: { range } })
      const get = async (blob: BlobRef, range: string) => {
        const answer = await ask(blob, range)
        const text = new TextDecoder().decode(await bytesOf(answer))
        return [answer.status, text, answer.headers.get('content-range')]
      }
      expect(await get(full, 'bytes=1-2')).toEqual([206, 'el', 'bytes 1-2/5'])
      expect(await get(full, 'bytes=-2')).toEqual([206, 'lo', 'bytes 3-4/5'])
      for (const range of ['bytes=-0', 'bytes=5-']) {
        const refused = await failure(ask(full, range))
        expect(refused, range).toMatchObject({ status: 400, error: 'InvalidRequest' })
        expect(refused.headers.get('content-range')).toBe('bytes */5')
      }
      expect(await get(empty, 'bytes=-3')).toEqual([200, '', null])
      expect(await get(empty, 'bytes=0-')).toEqual([200, '', null])
    }))

  it('answers BlobNotFound for a blob that was never uploaded, and for one that no record names yet', () =>
    inWorld({}, async ({ client, did, signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'draft', 'text/plain')
      for (const cid of [CID, blob.ref.$link])
        for (const reader of [client, owner])
          await expect(reader.com.atproto.sync.getBlob({ did, cid })).rejects.toMatchObject({
            status: 400,
            error: 'BlobNotFound',
          })
    }))
})
