// Against real servers: a Cirrus in workerd, the PLC directory.
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signIn } from '../../dev/seed.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const HOST = 'new.example.com'

let deployment: Deployment
beforeAll(async () => {
  deployment = await startDeployment()
}, 60_000)
afterAll(() => deployment[Symbol.asyncDispose]())
const old = () => `localhost:${deployment.cirrus.port}`

/** The new name leads to the same Worker, once its route is there. */
const routed: typeof fetch = (input, init) =>
  fetch(String(input).replace(`https://${HOST}`, deployment.cirrus.url), init)
const unrouted: typeof fetch = (input, init) =>
  String(input).startsWith(`https://${HOST}`)
    ? Promise.reject(new TypeError('no such host'))
    : fetch(input, init)
const rehost = (options: RunOptions = {}, host = HOST) =>
  pds(['rehost', host, '--yes', '--json'], {
    cwd: deployment.here.path,
    env: deployment.env,
    fetch: routed,
    ...options,
  })

describe('pds rehost', () => {
  it('goes from step to step, and checks each', async () => {
    const { cirrus, here } = deployment
    const session = await signIn(cirrus.url, cirrus)
    const first = await rehost()
    expect([first.code, first.json]).toMatchObject([
      0,
      {
        step: 'deploy',
        previous: [old()],
        next: [`npx wrangler deploy --domain ${HOST} --domain ${old()}`, `npx pds rehost ${HOST}`],
      },
    ])
    const toml = await readFile(here.in('wrangler.toml'), 'utf8')
    expect(toml).toContain(`HOSTNAME = "${HOST}"`)
    expect(toml).toContain(`PREVIOUS_HOSTNAMES = "${old()}"`)

    // No route yet; then the route, but the old Worker.
    for (const fetch of [unrouted, routed]) {
      const early = await rehost({ fetch })
      expect([early.code, member(early.json, 'error', 'code')]).toEqual([5, 'rehost-not-deployed'])
    }

    await cirrus.restart({ HOSTNAME: HOST, PREVIOUS_HOSTNAMES: old() })
    const done = await rehost()
    expect([done.code, done.json]).toMatchObject([0, { step: 'done', pds: `https://${HOST}` }])
    expect(await deployment.document()).toMatchObject({
      service: [{ serviceEndpoint: `https://${HOST}` }],
    })
    const answer = await fetch(`${cirrus.url}/xrpc/com.atproto.server.getSession`, {
      headers: { authorization: `Bearer ${session.accessJwt}` },
    })
    expect(await answer.json()).toMatchObject({ did: cirrus.did, active: true })

    const again = await rehost()
    expect([again.code, again.json]).toMatchObject([0, { step: 'done', changes: [] }])
    expect(await deployment.log()).toHaveLength(2)
  })

  it('refuses a did:web account before anything happens', async () => {
    await using other = await folder()
    const toml = '[vars]\nDID = "did:web:pds.example.com"\nHOSTNAME = "pds.example.com"\n'
    await writeFile(other.in('wrangler.toml'), toml)
    const ran = await rehost({ cwd: other.path })
    expect([ran.code, member(ran.json, 'error', 'code')]).toEqual([1, 'rehost-did-web'])
    expect(await readFile(other.in('wrangler.toml'), 'utf8')).toBe(toml)
  })

  it('refuses what is not a host name', async () => {
    const ran = await rehost({}, 'https://new.example.com/')
    expect([ran.code, member(ran.json, 'error', 'code')]).toEqual([2, 'usage'])
  })
})
