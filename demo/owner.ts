import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cirrus } from '../dev/cirrus.ts'
import type { Cleanup } from './cleanup.ts'
import { type Printed, runPds } from './pds.ts'
import type { Target } from './target.ts'

/** Alice at her desk: a folder with a wrangler.toml, her passwords, and the real `pds` command. */
export interface Owner {
  run(...args: string[]): Promise<Printed>
  /** Writes the public half of the recovery key into RECOVERY_KEYS of wrangler.toml. */
  noteRecoveryKey(): Promise<void>
  /** Where she keeps her recovery key, and the operation that undoes a move. */
  readonly recoveryKey: string
  readonly undoFile: string
  /** What `pds move` would ask for. */
  readonly moveFlags: readonly string[]
}

export const createOwner = async (options: {
  plcUrl: string
  cirrus: Cirrus
  target: Target
  /** Those that her server knows already. */
  recoveryKeys: readonly string[]
  cleanup: Cleanup
}): Promise<Owner> => {
  const { plcUrl, cirrus, target, recoveryKeys, cleanup } = options
  const folder = await mkdtemp(join(tmpdir(), 'cirrus-demo-'))
  await cleanup.add(() => rm(folder, { recursive: true, force: true }))
  const recoveryKey = join(folder, 'recovery-key.json')
  const writeToml = (recoveryKeys: string) =>
    writeFile(
      join(folder, 'wrangler.toml'),
      `[vars]\nPLC_DIRECTORY_URL = "${plcUrl}"\nRELAYS = ""\nRECOVERY_KEYS = "${recoveryKeys}"\n`,
    )
  await writeToml('')
  const env = { PDS_SOURCE_PASSWORD: cirrus.password, PDS_TARGET_PASSWORD: target.password }
  return {
    run: (...args) => runPds(cirrus, args, { cwd: folder, env }),
    noteRecoveryKey: async () => {
      const [key = ''] = /did:key:\w+/.exec(await readFile(recoveryKey, 'utf8')) ?? []
      await writeToml([key, ...recoveryKeys].join(' '))
    },
    recoveryKey,
    undoFile: join(folder, 'undo.json'),
    moveFlags: ['--email', 'alice@example.com'],
  }
}
