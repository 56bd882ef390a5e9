// Servers that send without end, to fill the disk.
import { readdir, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'
import type { Context } from '../../src/cli/command.ts'
import { backupRepo } from '../../src/cli/backup/backupRepo.ts'
import { serverCredentials, signingKeyOf } from '../../src/cli/servers/serverCredentials.ts'
import { REQUEST_LIMIT_BYTES } from '../../src/limits.ts'
import { folder, member, pds } from './support.ts'

let plc: PlcDirectory
let source: Awaited<ReturnType<typeof startPlcCirrus>>
beforeAll(async () => {
  plc = await startPlc()
  source = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await seedCirrus(source.url, await signIn(source.url, source), { records: 5, blobs: 2 })
}, 60_000)
afterAll(async () => {
  await source.close()
  await plc.close()
})

const MB = 2 ** 20
const code = (json: unknown) => member(json, 'error', 'code')

/** Goes on for ever after what the server sent. Counts the megabytes that were read. */
const endless = (method: string) => {
  let read = 0
  const relay: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init)
    if (!String(input).includes(`/xrpc/${method}`) || !answer.body) return answer
    const reader = answer.body.getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value } = await reader.read()
        if (!value) read++
        controller.enqueue(value ?? new Uint8Array(MB))
      },
    })
    const headers = new Headers(answer.headers)
    for (const name of ['content-length', 'etag']) headers.delete(name)
    return new Response(body, { status: answer.status, headers })
  }
  return { fetch: relay, read: () => read }
}
const files = async (path: string) =>
  (await readdir(path, { recursive: true })).filter((name) => /\.(car|part)/.test(name))

describe('a server that sends without end', () => {
  it('fills no disk as the source of an import', async () => {
    await using here = await folder()
    await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
    const { did } = source.account
    await using target = await startCirrus({
      plcUrl: plc.url,
      handle: 'alice.test',
      did,
      password: 'target-password',
    })
    const on = (url: string, adminPassword: string, args: string[], options = {}) =>
      pds([...args, '--host', url], {
        cwd: here.path,
        env: { ADMIN_PASSWORD: adminPassword, ADMIN_PASSWORD_HOST: url, PDS_PASSWORD: 'target-password' },
        ...options,
      })
    const stdin = (await on(source.url, source.adminPassword, ['migrate-token', '--target', target.url]))
      .stdout
    const server = endless('com.atproto.sync.getRepo')
    const ran = await on(
      target.url,
      target.adminPassword,
      ['import', '--from', source.url, '--yes', '--json', '--max-repo', '100'],
      {
        stdin,
        fetch: server.fetch,
      },
    )
    expect([ran.code, code(ran.json)], ran.stdout).toEqual([1, 'import-too-large'])
    expect(server.read()).toBeLessThan(REQUEST_LIMIT_BYTES / MB + 10)
    expect(await files(here.path)).toEqual([])
  }, 60_000)

  it('fills no disk with the repository of an export, and leaves no part of it', async () => {
    await using here = await folder()
    const server = endless('com.atproto.sync.getRepo')
    const client = connect(source.url, { admin: { password: source.adminPassword }, fetch: server.fetch })
    const progress = () => ({ to: () => {}, end: () => {} })
    const context = {
      io: { signal: new AbortController().signal, now: () => Date.now() },
      out: { progress },
    } as unknown as Context
    const ours = signingKeyOf(await serverCredentials(client))
    const exported = backupRepo(context, client, {
      did: source.did,
      file: here.in('repo.car'),
      keys: { ours, named: undefined },
      maxBytes: 5 * MB,
    })
    await expect(exported).rejects.toMatchObject({ code: 'backup-too-large' })
    expect(server.read()).toBeLessThan(10)
    expect(await readdir(here.path)).toEqual([])
  })

  it('fills no disk with a blob: it may have as much as it is listed with', async () => {
    await using here = await folder()
    const server = endless('com.atproto.sync.getBlob')
    const ran = await pds(['backup', 'backup', '--without-keys', '--host', source.url, '--json'], {
      cwd: here.path,
      env: { ADMIN_PASSWORD: source.adminPassword, ADMIN_PASSWORD_HOST: source.url },
      fetch: server.fetch,
    })
    expect([ran.code, code(ran.json)], ran.stdout).toEqual([1, 'backup-too-large'])
    expect(server.read()).toBeLessThan(20)
    expect(await readdir(here.in('backup/blobs'))).toEqual([])
    expect((await stat(here.in('backup/incoming/state/repo.car'))).size).toBeLessThan(MB)
  })
})
