import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Values } from '../terminal/args.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { findProject, needProject, type Project } from '../project/config.ts'
import { install, packageManager } from '../project/install.ts'
import { planDeployment } from '../project/newDeployment.ts'
import type { initFlags } from './flags.ts'

/** The folder that `pds init` sets up. */
export interface PreparedFolder {
  /** The vars of its wrangler.toml, if it has one. */
  readonly vars: Record<string, string>
  /** Writes and installs what the folder lacks. Nothing is changed before. */
  complete(): Promise<Project>
}

/** A file is named from the user's folder, and npm would look for it in the deployment's. */
const packageSpec = (cwd: string, spec: string): string => {
  const path = spec.replace(/^file:/, '')
  return path !== spec || /^[./]|\.tgz$/.test(spec) ? `file:${resolve(cwd, path)}` : spec
}

/** The folder with this name, as a deployment; without a name, the one with a wrangler.toml that was found. */
export async function prepareFolder(
  context: Context,
  name: string | undefined,
  flags: Pick<Values<typeof initFlags>, 'package' | 'no-install'>,
): Promise<PreparedFolder> {
  const { io, out } = context
  if (name === undefined) {
    if (!context.project)
      throw new CliError('no-project', 'there is no wrangler.toml in this folder or above it', {
        next: 'name a folder for a new deployment: `npx cirrus-pds init my-pds`',
      })
    const { project } = context
    return { vars: project.vars, complete: async () => project }
  }
  const root = resolve(io.cwd, name)
  const plan = await planDeployment(root, flags.package && packageSpec(io.cwd, flags.package))
  const find = async () => needProject(await findProject({ searchFolders: [root] }))
  const isNew = !existsSync(join(root, 'wrangler.toml'))
  return {
    vars: isNew ? {} : (await find()).vars,
    async complete() {
      const written = await plan.write()
      if (written.length > 0) out.note(`Wrote ${written.join(', ')} in ${root}`)
      const isInstalled = existsSync(join(root, 'node_modules', 'cirrus-pds'))
      if (plan.usesPackage && !isInstalled && !flags['no-install']) {
        out.note(`Running \`${packageManager(io.env)} install\` …`)
        await install(io, root)
      }
      return await find()
    },
  }
}
