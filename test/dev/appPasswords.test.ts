/** App passwords over HTTP, from the command line to an app, and over a crash. */
import { AtpAgent } from '@atproto/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { member, pds } from '../cli/support.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'

let plc: PlcDirectory
beforeAll(async () => {
  plc = await startPlc()
})
afterAll(() => plc?.close())

it('pds makes a password, an app lives with it through a crash, and pds revokes it', async () => {
  const EMAIL = 'alice@example.com'
  await using cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test', env: { EMAIL } })
  const host = new URL(cirrus.url).host
  const command = async (...args: string[]) => {
    const ran = await pds(['app-password', ...args, '--host', cirrus.url, '--json', '--yes'], {
      env: { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: host },
    })
    expect(ran.code, ran.stdout).toBe(0)
    return ran.json
  }
  const password = String(member(await command('create', 'phone'), 'password'))

  const events: string[] = []
  const agent = new AtpAgent({ service: cirrus.url, persistSession: (event) => void events.push(event) })
  await agent.login({ identifier: EMAIL.toUpperCase(), password })
  expect(agent.session).toMatchObject({ did: cirrus.did, email: EMAIL, emailConfirmed: true, active: true })
  await agent.post({ text: 'by an app', createdAt: new Date().toISOString() })
  const { data: blob } = await agent.uploadBlob(new Uint8Array([1, 2, 3]), { encoding: 'image/png' })
  expect(blob.blob.size).toBe(3)
  await expect(agent.com.atproto.server.deactivateAccount({})).rejects.toMatchObject({
    error: 'InvalidToken',
  })
  await expect(agent.com.atproto.identity.requestPlcOperationSignature()).rejects.toMatchObject({
    error: 'InvalidToken',
  })

  // The answer to a refresh is lost in a crash: the token is used again.
  const before = agent.session
  if (!before) throw new Error('nobody is signed in')
  await agent.sessionManager.refreshSession()
  await cirrus.kill()
  await cirrus.restart()
  const again = new AtpAgent({ service: cirrus.url, persistSession: (event) => void events.push(event) })
  await again.resumeSession(before)
  expect(again.session?.refreshJwt).toBe(agent.session?.refreshJwt)
  await again.post({ text: 'after the crash', createdAt: new Date().toISOString() })

  expect(await command('list')).toMatchObject({ passwords: [{ name: 'phone', privileged: false }] })
  await command('revoke', 'phone')
  expect(events).not.toContain('expired')
  for (const { com } of [agent, again])
    await expect(com.atproto.server.getSession()).rejects.toMatchObject({ error: 'ExpiredToken' })
  expect([agent.session, again.session]).toEqual([undefined, undefined])
  expect(events.filter((event) => event === 'expired')).toHaveLength(2)
  await expect(again.login({ identifier: EMAIL, password })).rejects.toMatchObject({
    status: 401,
    error: 'AuthenticationRequired',
  })
  const owner = new AtpAgent({ service: cirrus.url })
  await owner.login({ identifier: `@${cirrus.handle}`, password: cirrus.password })
  expect((await owner.com.atproto.server.listAppPasswords()).data.passwords).toEqual([])
})
