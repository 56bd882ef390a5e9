import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Cirrus } from '../dev/cirrus.ts'

const BIN = join(import.meta.dirname, '..', 'bin', 'pds.js')

/** What a command printed. */
export interface Printed {
  readonly stdout: string
  /** Progress and advice. */
  readonly stderr: string
}

/**
 * Runs the real `pds` command as the owner of this Cirrus would. Throws with what it printed on stderr if it fails.
 * Passwords are variables: a process list would show arguments.
 */
export const runPds = async (
  cirrus: Cirrus,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Printed> => {
  const child = spawn(process.execPath, [BIN, ...args, '--host', cirrus.url], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: {
      ...process.env,
      ADMIN_PASSWORD: cirrus.adminPassword,
      ADMIN_PASSWORD_HOST: cirrus.url,
      NO_COLOR: '1',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`pds ${args[0]} ended with ${code}: ${(stderr || stdout).trim()}`)
  return { stdout: stdout.trim(), stderr: stderr.trim() }
}

/** The same, for its result alone. */
export const pds = async (cirrus: Cirrus, ...args: string[]): Promise<string> =>
  (await runPds(cirrus, args)).stdout
