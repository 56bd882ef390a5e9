import { runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { expect, it, vi } from 'vitest'
import type { Env } from '../src/config.ts'
import { PASSWORD } from './support/deployment.ts'

// Bindings of vitest.config.ts.
const { PASSWORDS, PASSWORD_HASH = '' } = env as unknown as Env
const worker = (exports as unknown as { default: Fetcher }).default

it('says whether a password is right; it keeps nothing, and writes nothing down', async () => {
  const written = (['log', 'warn', 'error', 'info', 'debug'] as const).map((name) => vi.spyOn(console, name))
  const object = PASSWORDS.getByName('192.0.2.1')
  expect(await object.matches(PASSWORD, PASSWORD_HASH)).toBe(true)
  expect(await object.matches('wrong', PASSWORD_HASH)).toBe(false)
  for (const spy of written) expect(spy).not.toHaveBeenCalled()
  await runInDurableObject(object as unknown as DurableObjectStub, async (_, { storage }) => {
    expect((await storage.list()).size).toBe(0)
    expect(storage.sql.exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '_cf_%'`).toArray()).toEqual(
      [],
    )
  })
})

it('lets a read be answered before any of the checks that began earlier has ended', async () => {
  const order: string[] = []
  const checks = ['a', 'b', 'c'].map(async (network) => {
    await PASSWORDS.getByName(network).matches('wrong', PASSWORD_HASH)
    order.push('check')
  })
  const read = async () => {
    expect((await worker.fetch('https://pds.example.com/xrpc/com.atproto.sync.listRepos')).status).toBe(200)
    order.push('read')
  }
  await Promise.all([...checks, read()])
  expect(order).toEqual(['read', 'check', 'check', 'check'])
})
