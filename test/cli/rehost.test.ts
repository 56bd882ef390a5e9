// Against real servers: a Cirrus in workerd, the PLC directory.
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { signIn } from '../../dev/seed.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const HOST = 'new.example.com'

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>
const old = () => `localhost:${cirrus.port}`

beforeAll(async () => {
  plc = await startPlc()
  here = await folder()
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nDID = "${cirrus.did}"\nHOSTNAME = "${old()}"\nPLC_DIRECTORY_URL = "${plc.url}"\n`,
  )
}, 60_000)
afterAll(async () => {
  await Promise.all([cirrus.close(), plc.close()])
  await here[Symbol.asyncDispose]()
})

/** The new name leads to the same Worker, once its route is there. */
const routed: typeof fetch = (input, init) =>
  fetch(String(input).replace(`https://${HOST}`, cirrus.url), init)
const unrouted: typeof fetch = (input, init) =>
  String(input).startsWith(`https://${HOST}`)
    ? Promise.reject(new TypeError('no such host'))
    : fetch(input, init)
const rehost = (options: RunOptions = {}, host = HOST) =>
  pds(['rehost', host, '--yes', '--json'], {
    cwd: here.path,
    env: { ADMIN_PASSWORD: cirrus.adminPassword },
    fetch: routed,
    ...options,
  })

describe('pds rehost', () => {
  it('goes from step to step, and checks each', async () => {
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
    expect(await (await fetch(`${plc.url}/${cirrus.did}`)).json()).toMatchObject({
      service: [{ serviceEndpoint: `https://${HOST}` }],
    })
    const answer = await fetch(`${cirrus.url}/xrpc/com.atproto.server.getSession`, {
      headers: { authorization: `Bearer ${session.accessJwt}` },
    })
    expect(await answer.json()).toMatchObject({ did: cirrus.did, active: true })

    const again = await rehost()
    expect([again.code, again.json]).toMatchObject([0, { step: 'done', changes: [] }])
    expect(await (await fetch(`${plc.url}/${cirrus.did}/log`)).json()).toHaveLength(2)
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
