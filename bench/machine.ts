import { createRequire } from 'node:module'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../dev/bundle.ts'

const versionOf = (path: string): string => {
  if (!existsSync(path)) return 'not installed'
  const { version }: { version?: string } = JSON.parse(readFileSync(path, 'utf8'))
  return version ?? 'unknown'
}

/** What the figures were measured on. */
export const machine = () => ({
  cpu: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  /** The load average at the start; above zero means that something else was running too. */
  load: Number(loadavg()[0]?.toFixed(1)),
  system: `${process.platform} ${process.arch}`,
  node: process.versions.node,
  workerd: versionOf(createRequire(import.meta.url).resolve('workerd/package.json')),
  reference: versionOf(join(ROOT, 'test/interop/node_modules/@atproto/pds/package.json')),
})
