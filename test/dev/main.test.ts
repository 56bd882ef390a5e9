import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../../dev/port.ts'
import { writeFile } from 'node:fs/promises'
import { folder, pds } from '../cli/support.ts'

const MAIN = join(import.meta.dirname, '../../dev/main.ts')

const running: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

const start = async (root: string, port: number, plcPort: number, env: Record<string, string> = {}) => {
  const args = [MAIN, '--root', root, '--port', String(port), '--plc-port', String(plcPort)]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  let text = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes('Stop it:')) resolve()
    })
    child.once('exit', () => reject(new Error(text)))
  })
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  running.push({ stop })
  return { text, stop }
}

describe('npm run dev', () => {
  it('serves an account that is ready to use, and keeps it for the next run', async () => {
    await using place = await folder()
    await writeFile(place.in('wrangler.toml'), '')
    const [port, plcPort] = [await freePort(), await freePort()]
    const first = await start(place.path, port, plcPort)
    expect(first.text).toContain(`http://localhost:${port}`)
    const run = (...args: string[]) => pds([...args, '--dev', '--json'], { cwd: place.path })
    const { json } = await run('status')
    expect(json).toMatchObject({ state: 'active', handle: 'alice.test', identity: { recoverable: true } })
    expect((await run('migrate-token')).json).toMatchObject({ ok: true })
    expect((await run('deactivate', '--yes')).code).toBe(0)
    await first.stop()
    const stopped = await run('status', '--host', `localhost:${port}`)
    expect(stopped.json).toMatchObject({ error: { code: 'dev-not-running' } })

    await start(place.path, port, plcPort)
    const again = await run('status')
    expect(again.json).toMatchObject({ did: Reflect.get(Object(json), 'did'), state: 'deactivated' })
    expect((await run('activate')).json).toMatchObject({ ok: true })
  }, 60_000)
  it('takes services and the e-mail address from the environment', async () => {
    await using place = await folder()
    const nobody = `http://localhost:${await freePort()} did:web:localhost`
    const port = await freePort()
    await start(place.path, port, await freePort(), {
      APPVIEW: nobody,
      MODERATION: nobody,
      CHAT: nobody,
      EMAIL: 'me@example.com',
    })
    const call = async (method: string, init: RequestInit) =>
      Object(await (await fetch(`http://localhost:${port}/xrpc/${method}`, init)).json())
    const { accessJwt, email } = await call('com.atproto.server.createSession', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: 'me@example.com', password: 'development' }),
    })
    expect(email).toBe('me@example.com')
    for (const method of [
      'app.bsky.feed.getTimeline',
      'com.atproto.moderation.createReport',
      'chat.bsky.convo.listConvos',
    ])
      expect(await call(method, { headers: { authorization: `Bearer ${accessJwt}` } })).toMatchObject({
        error: 'UpstreamFailure',
      })
  }, 60_000)
})
