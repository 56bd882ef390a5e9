import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { delimiter, join } from 'node:path'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { identity } from '../client/frames.ts'
import { stream } from '../client/stream.ts'
import { folder } from './support.ts'

const PDS = join(import.meta.dirname, '../../bin/pds.js')
const PDS_CONTRACT = join(import.meta.dirname, '../../bin/pds-contract.js')

/** The machine's own Node, not the one in node_modules. It may be too old for `pds`. */
const systemNode = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((entry) => !entry.includes('node_modules'))
  .map((entry) => join(entry, 'node'))
  .find((file) => existsSync(file))

/** Starts a program of bin/ as a process. */
const startProgram = (
  program: string,
  node: string,
  args: readonly string[],
  cwd = tmpdir(),
  env: Record<string, string> = {},
) => {
  const { npm_lifecycle_event: _, PDS_NODE: __, ADMIN_PASSWORD: ___, ...rest } = process.env
  const child = spawn(node, [program, ...args], {
    cwd,
    env: { ...rest, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  return { child, done: once(child, 'close').then(([code]) => ({ code: Number(code), ...output })) }
}

const start = (node: string, args: readonly string[], cwd = tmpdir(), env: Record<string, string> = {}) =>
  startProgram(PDS, node, args, cwd, env)

const nodes = [
  { name: 'this Node', node: process.execPath },
  ...(systemNode ? [{ name: 'the machine’s Node', node: systemNode }] : []),
]

describe.each(nodes)('bin/pds.js, started by $name', ({ node }) => {
  it('runs from any folder and passes the arguments, the output and the exit code', async () => {
    const help = await start(node, ['--help']).done
    expect([help.code, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('migrate-token')
    expect((await start(node, ['nonsense']).done).code).toBe(2)
    await using empty = await folder()
    expect((await start(node, ['status', '--host', 'x.example.com'], empty.path).done).code).toBe(4)
  })

  it('passes signals on: an interrupt ends the running command with 130', async () => {
    let asked = () => {}
    const arrived = new Promise<void>((resolve) => (asked = resolve))
    const silent = createServer(() => asked()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : 0
    const { child, done } = start(node, ['status', '--host', `127.0.0.1:${port}`], tmpdir(), {
      ADMIN_PASSWORD: 'x',
      ADMIN_PASSWORD_HOST: `127.0.0.1:${port}`,
    })
    await arrived
    child.kill('SIGINT')
    const { code, stderr } = await done
    silent.closeAllConnections()
    silent.close()
    expect([code, stderr]).toEqual([130, expect.stringContaining('interrupted')])
  })

  it('ends `pds watch` with 0 on an interrupt, which is its only normal end', async () => {
    await using source = await stream((peer) => peer.send(identity(1)))
    const { child, done } = start(node, ['watch', '--json', '--host', source.host])
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    const { code, stdout, stderr } = await done
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({ type: 'identity', seq: 1 })
  })
})

describe.each(nodes)('bin/pds-contract.js, started by $name', ({ node }) => {
  it('runs from any folder and passes the arguments, the output and the exit code', async () => {
    const help = await startProgram(PDS_CONTRACT, node, ['--help']).done
    expect([help.code, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('pds-contract <url> [flags]')
    expect((await startProgram(PDS_CONTRACT, node, ['--nonsense']).done).code).toBe(2)
  })

  it('ends on an interrupt with 130 and what it found, although the server does not answer', async () => {
    let asked = () => {}
    const arrived = new Promise<void>((resolve) => (asked = resolve))
    const silent = createServer((request, answer) => {
      // The first questions are answered: what is there is a PDS.
      if (request.url?.includes('describeServer'))
        answer.setHeader('content-type', 'application/json').end('{}')
      else if (request.url === '/' || request.url?.includes('_health')) answer.end()
      else asked()
    }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : 0
    const { child, done } = startProgram(PDS_CONTRACT, node, [`http://127.0.0.1:${port}`])
    await arrived
    child.kill('SIGINT')
    const { code, stdout } = await done
    silent.closeAllConnections()
    silent.close()
    expect(code).toBe(130)
    expect(stdout).toContain('Interrupted: what is missing was not tried.')
  })
})
