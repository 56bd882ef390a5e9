// `pds backup`, killed at every operation on the disk: the folder is the old backup or the new one, whole.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { ROOT } from '../../dev/bundle.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { openArchive } from '../../src/archive/openArchive.ts'
import { folder, member, pds } from './support.ts'

let plc: PlcDirectory
let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>
beforeAll(async () => {
  plc = await startPlc()
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 20, blobs: 2 })
})
afterAll(async () => {
  await cirrus.close()
  await plc.close()
})

/** Kills the process with SIGKILL before its KILL_AT-th change to a name on the disk; what it writes is not counted. */
const KILLER = `
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
let left = Number(process.env.KILL_AT)
for (const name of ['rename', 'rm', 'mkdir', 'link', 'copyFile', 'open']) {
  const real = fs.promises[name]
  fs.promises[name] = (...args) => {
    const isWrite = name !== 'open' || (args[1] ?? 'r') !== 'r'
    if (isWrite && String(args[0]).includes('backup') && --left < 0) process.kill(process.pid, 'SIGKILL')
    return real.apply(fs.promises, args)
  }
}
syncBuiltinESMExports()
`

const write = async (text: string, rkey: string) => {
  const { did, accessJwt } = await signIn(cirrus.url, cirrus)
  const headers = { authorization: `Bearer ${accessJwt}` }
  const uploaded = await fetch(`${cirrus.url}/xrpc/com.atproto.repo.uploadBlob`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'text/plain' },
    body: text,
  })
  const blob = member(await uploaded.json(), 'blob')
  const collection = 'com.example.picture'
  const record = { $type: collection, blob }
  const answer = await fetch(`${cirrus.url}/xrpc/com.atproto.repo.putRecord`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ repo: did, collection, rkey, record, validate: false }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

it('is the old backup or the new one after every kill, and the next run is complete', async () => {
  await using here = await folder()
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\nHOSTNAME = "localhost:${cirrus.port}"\n`,
  )
  await writeFile(here.in('killer.mjs'), KILLER)
  const env = { ADMIN_PASSWORD: cirrus.adminPassword }
  const args = ['backup', 'backup', '--without-keys', '--json']
  const backup = () => pds(args, { cwd: here.path, env })
  const verify = async () =>
    member((await pds(['backup', 'verify', 'backup', '--json'], { cwd: here.path })).json, 'findings')
  const killed = async (at: number): Promise<boolean> => {
    const child = spawn(
      process.execPath,
      ['--import', here.in('killer.mjs'), join(ROOT, 'bin/pds.js'), ...args],
      {
        cwd: here.path,
        env: { ...process.env, ...env, KILL_AT: String(at) },
        stdio: 'ignore',
      },
    )
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    return signal === 'SIGKILL'
  }

  await write('first', 'picture')
  expect((await backup()).code).toBe(0)
  const before = (await openArchive(here.in('backup'))).facts.commit
  await write('second', 'picture')
  await cp(here.in('backup'), here.in('first'), { recursive: true })
  let kills = 0
  const seen = new Set<string>()
  for (let at = 0; ; at++) {
    await rm(here.in('backup'), { recursive: true })
    await cp(here.in('first'), here.in('backup'), { recursive: true })
    if (!(await killed(at))) break
    kills++
    expect(await verify(), `killed at ${at}`).toEqual([])
    const { commit } = (await openArchive(here.in('backup'))).facts
    seen.add(commit === before ? 'old' : 'new')
    const again = await backup()
    expect([again.code, member(again.json, 'ok')], `after ${at}: ${again.stdout}`).toEqual([0, true])
    expect(await verify(), `after ${at}`).toEqual([])
    const left = (await readdir(here.in('backup'))).filter((name) => !name.startsWith('state-'))
    expect(left.toSorted(), `after ${at}`).toEqual(['archive.json', 'blobs'])
    expect((await openArchive(here.in('backup'))).facts.commit).not.toBe(before)
  }
  expect(kills).toBeGreaterThan(15)
  // Both sides of the one step that counts.
  expect([...seen].toSorted()).toEqual(['new', 'old'])
}, 600_000)
