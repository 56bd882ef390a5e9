import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { createCleanup } from '../../demo/cleanup.ts'
import { createNarrator, type Report } from '../../demo/narrator.ts'

const demo = join(import.meta.dirname, '..', '..', 'demo', 'main.ts')
const run = promisify(execFile)

let folder: string
// The demo puts its temporary state into TMPDIR, so that anything left there is its own.
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('reports every step as passed, nothing else on stdout, and leaves nothing behind', async () => {
  const args = ['--json', '--records', '60', '--images', '5']
  const { stdout } = await run(process.execPath, [demo, ...args], {
    env: { ...process.env, TMPDIR: folder },
  })
  // The form of the report is what is tested.
  const report = JSON.parse(stdout) as Report
  expect(report.ok).toBe(true)
  expect(report.steps.every(({ ok, ms }) => ok && ms >= 0)).toBe(true)
  expect(report.steps.map(({ step }) => step)).toEqual([
    ...['prerequisites', 'directory', 'source', 'seed', 'target', 'recovery-key', 'preflight', 'way-back'],
    ...['preview', 'move', 'verification', 'refusal', 'life', 'undo'],
  ])
  expect(await readdir(folder)).toEqual([])
})

it('cleans up after Ctrl-C, and says so by its exit code', async () => {
  const child = spawn(process.execPath, [demo], { env: { ...process.env, TMPDIR: folder } })
  const ended = once(child, 'exit')
  let told = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = told.includes('Something to lose')
    told += text
    // Sent once: a second one would end the process at once, as a person who presses Ctrl-C twice wants.
    if (!before && told.includes('Something to lose')) child.kill('SIGINT')
  })
  expect(await ended).toEqual([130, null])
  expect(await readdir(folder)).toEqual([])
})

it('refuses options that it does not know', async () => {
  await expect(run(process.execPath, [demo, '--target', 'mars'])).rejects.toMatchObject({ code: 2 })
  await expect(run(process.execPath, [demo, '--what'])).rejects.toMatchObject({ code: 2 })
})

const paper = () => {
  const lines: string[] = []
  return { lines, write: (text: string) => lines.push(text), columns: 80 }
}

it('shows a step that fails, with the name of the error, and reports it', async () => {
  const out = paper()
  const narrator = createNarrator(out, { json: false, color: false })
  await narrator.step('one', 'The first', async (tell) => tell('all is well'))
  const cause = Object.assign(new Error('no such blob'), { error: 'BlobNotFound' })
  await expect(narrator.step('two', 'The second', () => Promise.reject(cause))).rejects.toBe(cause)
  const text = out.lines.join('')
  expect(text).toMatch(/✓ {2}1 {2}The first +0\.00 s\n +all is well\n/)
  expect(text).toMatch(/✗ {2}2 {2}The second +0\.00 s\n +BlobNotFound: no such blob\n/)
  expect(text).not.toContain('\u001B')
  expect(narrator.report()).toMatchObject({
    ok: false,
    steps: [
      { step: 'one', ok: true, detail: 'all is well' },
      { step: 'two', ok: false, detail: 'BlobNotFound: no such blob' },
    ],
  })
})

it('prints only the report with --json', async () => {
  const out = paper()
  const narrator = createNarrator(out, { json: true, color: false })
  narrator.opening('A title', 'a text')
  await narrator.step('one', 'The first', async (tell) => tell('all is well'))
  narrator.closing('the end')
  expect(out.lines).toEqual([])
})

it('closes what is started while it is closing', async () => {
  const cleanup = createCleanup()
  const closed: string[] = []
  const undo = (name: string) => async () => void closed.push(name)
  await cleanup.add(undo('first'))
  await cleanup.add(() => Promise.reject(new Error('stuck')))
  await cleanup.add(undo('second'))
  await cleanup.close()
  await expect(cleanup.add(undo('late'))).rejects.toThrow('stopped')
  expect(closed).toEqual(['second', 'first', 'late'])
})
