import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Cirrus } from '../dev/cirrus.ts'

const BIN = join(import.meta.dirname, '..', 'bin', 'pds.js')

/**
 * Runs the real `pds` command as its owner would, and gives what it printed on stdout. Throws with what it printed on
 * stderr if it fails.
 */
export const pds = async (cirrus: Cirrus, ...args: string[]): Promise<string> => {
  const child = spawn(process.execPath, [BIN, ...args, '--host', cirrus.url], {
    // The password is not an argument: a process list would show it.
    env: {
      ...process.env,
      ADMIN_PASSWORD: cirrus.adminPassword,
      ADMIN_PASSWORD_HOST: cirrus.url,
      NO_COLOR: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`pds ${args[0]} ended with ${code}: ${err.trim()}`)
  return out.trim()
}
