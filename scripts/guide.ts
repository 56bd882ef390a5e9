/**
 * `npm run guide`: the commands of the user's guide, word for word, with pnpm, npm and npx on a tree that
 * npm installed, against `npm run dev`; and what the token says, read by others' code.
 */
import { spawn, execFile } from 'node:child_process'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { verifyJwt } from '@atproto/xrpc-server'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { startPlcCirrus } from '../dev/account.ts'

const PNPM = ['npx', '--yes', 'pnpm@12.21.0']
const root = join(import.meta.dirname, '..')
const [port, plcPort] = [8798, 2598]

const run = async (command: string[]): Promise<string> => {
  const [program = '', ...args] = command
  process.stderr.write(`$ ${command.join(' ').replace(PNPM.join(' '), 'pnpm')}\n`)
  const { stdout } = await promisify(execFile)(program, args, { cwd: root })
  return stdout
}

const dev = spawn(
  'npm',
  ['run', '--silent', 'dev', '--', '--fresh', '--port', `${port}`, '--plc-port', `${plcPort}`],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  },
)
const stop = () => {
  if (dev.pid !== undefined && dev.exitCode === null) process.kill(-dev.pid, 'SIGTERM')
}
process.on('exit', stop)

const ready = async (): Promise<void> => {
  for (let tries = 0; tries < 120; tries++) {
    if (dev.exitCode !== null) throw new Error('npm run dev did not start')
    const up = await fetch(`http://localhost:${port}/xrpc/com.atproto.sync.listRepos`)
      .then((answer) => answer.json())
      .catch(() => undefined)
    if (JSON.stringify(up)?.includes('"active":true')) return
    await sleep(250)
  }
  throw new Error('the development server did not come up')
}

await ready()
{
  await using target = await startPlcCirrus({ plcUrl: `http://localhost:${plcPort}`, handle: 'target.test' })

  const token = (
    await run([...PNPM, '--silent', 'pds', 'migrate-token', '--dev', '--target', target.url])
  ).trim()
  const status = JSON.parse(await run(['npx', 'pds', 'status', '--dev', '--json']))

  // Done when: @atproto/xrpc-server's verifyJwt accepts it for the target, and jose decodes it.
  const verified = await verifyJwt(
    token,
    target.serviceDid,
    'com.atproto.server.createAccount',
    async () => status.identity.signingKey,
  )
  assert.equal(verified.iss, status.did)
  assert.deepEqual(decodeProtectedHeader(token), { alg: 'ES256K', typ: 'cirrus-migration+jwt' })
  const claims = decodeJwt<{ target: string; lxm: string; scope: string; plc: Record<string, unknown> }>(
    token,
  )
  assert.equal(claims.aud, target.serviceDid)
  assert.equal(claims.target, target.url)
  assert.equal(claims.lxm, 'com.atproto.server.createAccount')
  assert.equal(claims.exp, (claims.iat ?? 0) + 900)
  assert.match(String(claims.jti), /^[0-9a-f]{32}$/)
  assert.equal(claims.scope, 'repo:read blob:read preferences:read account:create plc:sign')
  assert.equal(claims.plc.prev, status.identity.head)
  assert.deepEqual(claims.plc.rotationKeys, status.identity.rotationKeys)

  const plain = (await run([...PNPM, '--silent', 'pds', 'migrate-token', '--dev'])).trim()
  assert.equal(decodeJwt(plain).aud, `did:web:localhost%3A${port}`)
  const backup = await fetch(`http://localhost:${port}/xrpc/com.atproto.sync.getRepo?did=${status.did}`)
  assert.equal(backup.headers.get('content-type'), 'application/vnd.ipld.car')
  assert.ok((await backup.arrayBuffer()).byteLength > 0)

  await run([...PNPM, '--silent', 'pds', 'deactivate', '--dev', '--yes'])
  assert.equal(
    JSON.parse(await run(['npm', 'run', '--silent', 'pds', '--', 'status', '--dev', '--json'])).active,
    false,
  )
  const described = await fetch(`http://localhost:${port}/xrpc/com.atproto.server.describeServer`)
  assert.equal(described.status, 200)
  await run(['npx', 'pds', 'activate', '--dev', '--yes'])
}
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
console.log(`the guide holds for cirrus-pds ${version}`)
stop()
