/** A program in the place of wrangler: it asks the test what to do, and notes what it was given. */
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface WranglerRun {
  readonly args: readonly string[]
  readonly cwd: string
  readonly stdin: string
}

export interface FakeWrangler extends AsyncDisposable {
  readonly runs: readonly WranglerRun[]
  /** Answers a run: its exit code. By default 0. */
  onRun: (run: WranglerRun) => Promise<number> | number
}

const PROGRAM = (url: string) => `#!/usr/bin/env node
let stdin = ''
for await (const chunk of process.stdin) stdin += chunk
const body = JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), stdin })
process.exitCode = Number(await (await fetch('${url}', { method: 'POST', body })).text())
`

/** Installs it in a folder, as npm installs wrangler. */
export async function fakeWrangler(folder: string): Promise<FakeWrangler> {
  const runs: WranglerRun[] = []
  const fake: FakeWrangler = {
    runs,
    onRun: () => 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const run = JSON.parse(body) as WranglerRun
      runs.push(run)
      void Promise.resolve(fake.onRun(run)).then((code) => response.end(String(code)))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const home = join(folder, 'node_modules', 'wrangler')
  await mkdir(join(home, 'bin'), { recursive: true })
  await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'wrangler', type: 'module' }))
  const { port } = server.address() as AddressInfo
  await writeFile(join(home, 'bin', 'wrangler.js'), PROGRAM(`http://127.0.0.1:${port}`))
  return fake
}
