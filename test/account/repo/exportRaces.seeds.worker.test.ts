import { expect, it } from 'vitest'
import { readCarWithRoot, verifyRepoCar } from '@atproto/repo'
import { DID, POST, collect, inAccount, post, seeded, unpost } from '../support/account.ts'
import { RACES } from '../../support/scale.ts'
import { fill } from '../support/stored.ts'

const LONG = ' and so on'.repeat(100)

it(
  `exports are one commit's tree however many writes happen meanwhile (${RACES} races)`,
  () =>
    inAccount(async (account) => {
      const random = seeded(3)
      await fill(account, 400, LONG)
      const { repo, exports, key } = account
      let bases = 0
      let reads = 0
      for (let race = 0; race < RACES; race++) {
        const at = repo.requireHead()
        const since = race % 2 === 1 ? repo.requireHead().rev : undefined
        const base = since ? await collect(exports.repo().body) : undefined
        if (since) {
          bases++
          await repo.commit([post(`s${race}`, 'since')])
        }
        const expected = repo.requireHead()
        const reader = exports.repo({ since }).body.getReader()
        const parts: Uint8Array[] = []
        for (;;) {
          const { done, value } = await reader.read()
          if (done) break
          parts.push(value)
          reads++
          for (let n = 0; n < 3; n++) {
            const rkey = `r${Math.floor(random() * 400)}`
            const exists = account.records.cid(`${POST}/${rkey}`) !== undefined
            await repo.commit([
              exists && random() < 0.5 ? unpost(rkey) : post(rkey, `race ${random()}${LONG}`),
            ])
          }
          account.clock.now += 600_000
          // Now and then everything is packed again, and what that supersedes is deleted at once.
          account.repack.step()
          while (account.repack.collect(exports.neededSince() ?? account.clock.now).more);
        }
        const bytes = new Uint8Array(Buffer.concat(parts))
        const { root, blocks } = await readCarWithRoot(bytes)
        expect(root.equals(expected.root)).toBe(true)
        if (base) {
          const before = await readCarWithRoot(base)
          expect(before.root.equals(at.root)).toBe(true)
          for (const { cid } of blocks.entries()) expect(before.blocks.has(cid)).toBe(false)
          blocks.addMap(before.blocks)
        } else await verifyRepoCar(bytes, DID, key.did())
      }
      expect(bases).toBe(Math.floor(RACES / 2))
      expect(reads).toBeGreaterThan(RACES * 3)
      expect(exports.neededSince()).toBeUndefined()
      expect((await account.check()).problems).toEqual([])
    }),
  120_000 + RACES * 2_000,
)
