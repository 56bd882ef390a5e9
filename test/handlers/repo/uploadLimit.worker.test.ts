import { expect, it } from 'vitest'
import { inWorld, PASSWORD, type World } from '../support/world.ts'

type Owner = Awaited<ReturnType<World['signIn']>>

const upload = (owner: Owner, n: number) =>
  owner.com.atproto.repo.uploadBlob({ encoding: 'text/plain', body: new TextEncoder().encode(`blob ${n}`) })

const LIMITED = { UPLOADS_PER_DAY: '3' }

it('an active account uploads as many blobs in a day as the limit says', () =>
  inWorld({}, async (world) => {
    await world.restart(LIMITED)
    const owner = await world.signIn()
    for (let n = 0; n < 3; n++) await upload(owner, n)
    const refused = upload(owner, 3)
    await expect(refused).rejects.toMatchObject({ status: 429, error: 'RateLimitExceeded' })
    world.clock.now += 24 * 3600_000
    await upload(await world.signIn(), 3)
  }))

it('a deactivated account, which moves in, uploads as many as it has, and no answer has a header about limits', () =>
  inWorld({}, async (world) => {
    await world.restart(LIMITED)
    const owner = await world.signIn()
    await owner.com.atproto.server.deactivateAccount({})
    for (let n = 0; n < 10; n++) await upload(owner, n)
    const { accessJwt } = await world.client.com.atproto.server.createSession({
      identifier: world.did,
      password: PASSWORD,
    })
    const { status, headers } = await world.fetch('/xrpc/com.atproto.repo.uploadBlob', {
      method: 'POST',
      headers: { authorization: `Bearer ${accessJwt}`, 'content-type': 'text/plain' },
      body: 'one more',
    })
    expect(status).toBe(200)
    expect([...headers.keys()].filter((name) => /ratelimit|retry-after/.test(name))).toEqual([])
  }))
