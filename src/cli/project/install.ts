import { CliError } from '../errors.ts'
import type { Io } from '../terminal/io.ts'

/** The package manager that runs `pds`; npm where none does. */
export const packageManager = (env: Io['env']): 'npm' | 'pnpm' =>
  env['npm_config_user_agent']?.startsWith('pnpm/') ? 'pnpm' : 'npm'

/** Installs what the package.json of the folder names. */
export async function install(io: Io, folder: string): Promise<void> {
  const program = packageManager(io.env)
  const args = program === 'npm' ? ['install', '--no-audit', '--no-fund'] : ['install']
  const code = await io.start(program, args, { cwd: folder }).exited
  if (code !== 0)
    throw new CliError('install-failed', `\`${program} install\` in ${folder} ended with ${code}`, {
      next: `read what ${program} says above, then run the same command again`,
    })
}
