// Against real servers: a Cirrus in workerd, the PLC directory.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { against, error, fake } from './fake.ts'
import { member, pds, type RunOptions } from './support.ts'

let deployment: Deployment
beforeAll(async () => {
  deployment = await startDeployment()
}, 60_000)
afterAll(() => deployment[Symbol.asyncDispose]())

const run = (args: readonly string[], options: RunOptions = {}) =>
  pds(args, { cwd: deployment.here.path, env: deployment.env, ...options })
const read = async (path: string): Promise<unknown> => {
  const answer = await fetch(deployment.cirrus.url + path)
  const text = await answer.text()
  return answer.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
}
const resolve = (handle: string) => read(`/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`)
const document = () => deployment.document()

describe('pds handle', () => {
  it('shows the whole operation, asks, and changes nothing if the answer is no', async () => {
    expect(await resolve('alice.test')).toEqual({ did: deployment.cirrus.did })
    const { code, stderr } = await run(['handle', 'bob.test'], { tty: true, stdin: 'n' })
    expect(code).toBe(4)
    expect(stderr).toContain('the handle changes from at://alice.test to at://bob.test')
    expect(stderr).toContain('"type": "plc_operation"')
    expect(await document()).toMatchObject({ alsoKnownAs: ['at://alice.test'] })
  })

  it('changes the DID, what the Worker answers, and HANDLE in wrangler.toml', async () => {
    const { code, json } = await run(['handle', '@Bob.test', '--yes', '--json'])
    expect([code, json]).toMatchObject([
      0,
      { ok: true, handle: 'bob.test', previous: 'alice.test', operation: { alsoKnownAs: ['at://bob.test'] } },
    ])
    expect(await document()).toMatchObject({ alsoKnownAs: ['at://bob.test'] })
    // The Worker asks the account's object once a second at most.
    await expect.poll(() => resolve('bob.test'), { timeout: 5000 }).toEqual({ did: deployment.cirrus.did })
    expect(await read(`/xrpc/com.atproto.repo.describeRepo?repo=bob.test`)).toMatchObject({
      handle: 'bob.test',
      handleIsCorrect: true,
    })
    expect(await readFile(deployment.here.in('wrangler.toml'), 'utf8')).toContain('HANDLE = "bob.test"')
    await deployment.cirrus.restart()
    expect(await read('/')).toContain('bob.test')
  })

  it('with the same handle again only tells the network', async () => {
    const { code, stdout } = await run(['handle', 'bob.test'])
    expect([code, stdout]).toEqual([0, expect.stringContaining('The handle is bob.test, as before')])
  })

  it('of a did:web changes the document of the server', async () => {
    const web: Cirrus = await startCirrus({ plcUrl: deployment.plc.url, handle: 'web.test' })
    try {
      const env = { ADMIN_PASSWORD: web.adminPassword, ADMIN_PASSWORD_HOST: web.url }
      expect((await pds(['activate', '--host', web.url], { env })).code).toBe(0)
      const { json } = await pds(['handle', 'other.test', '--host', web.url, '--yes', '--json'], { env })
      expect(json).toMatchObject({ ok: true, handle: 'other.test', previous: 'web.test' })
      expect(member(json, 'operation')).toBe(undefined)
      await expect
        .poll(async () => (await fetch(`${web.url}/.well-known/did.json`)).json())
        .toMatchObject({ id: web.did, alsoKnownAs: ['at://other.test'] })
    } finally {
      await web.close()
    }
  })

  it.each([
    ['InvalidHandle', 'handle: "a" is not a handle', 'invalid-handle', 2],
    ['OperationChanged', 'the DID has changed', 'operation-changed', 5],
    ['InvalidRequest', 'handle: no. See docs/troubleshoot.md#handle-unresolved', 'handle-unresolved', 1],
  ])('says what to do after %s', async (name, message, code, exit) => {
    const server = fake({ 'com.cirrus.admin.updateHandle': error(400, name, message) })
    const ran = await against(server, ['handle', 'a', '--json'])
    expect([ran.code, member(ran.json, 'error', 'code')]).toEqual([exit, code])
  })
})
