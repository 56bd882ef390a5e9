import { join } from 'node:path'
import { VERSION } from '../../version.ts'
import { command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { readText, writeAtomically } from '../files/files.ts'
import { needProject } from '../project/config.ts'
import { packageManager } from '../project/install.ts'
import { addSettings, missingSettings } from '../project/upgradeToml.ts'
import { upgradePackageJson } from '../project/upgradePackageJson.ts'
import { diffText } from '../terminal/lineDiff.ts'

export const upgrade = command({
  name: 'upgrade',
  summary: 'Add to wrangler.toml what this version of Cirrus needs.',
  description:
    'Run it after `npm update cirrus-pds`, and deploy afterwards. It adds bindings, classes of objects and other\n' +
    'settings that are missing; your own values and comments stay. It shows what changes, and asks.',
  flags: { check: { type: 'boolean', help: 'Only say what is missing; exit code 3 if something is.' } },
  examples: ['npm update cirrus-pds && npx pds upgrade && npm run deploy'],
  async run(context, flags) {
    const { out, prompts, io } = context
    const { root, tomlFile } = needProject(context.project)
    const toml = (await readText(tomlFile)) ?? ''
    const missing = missingSettings(toml, tomlFile)
    const packageFile = join(root, 'package.json')
    const packageText = (await readText(packageFile)) ?? ''
    const files = [
      { file: tomlFile, before: toml, after: addSettings(toml, missing, tomlFile) },
      { file: packageFile, before: packageText, after: upgradePackageJson(packageText) },
    ].filter(({ before, after }) => before !== after)
    const result = {
      version: VERSION,
      missing: missing.map(({ what }) => what),
      files: files.map(({ file }) => file),
    }
    if (files.length === 0) {
      out.result(
        { ok: true, ...result, changed: false },
        `Nothing to change: ${tomlFile} has what ${VERSION} needs.`,
      )
      return EXIT.ok
    }
    const colours = { '+': 'green', '-': 'red', ' ': 'dim' } as const
    const shown = files
      .map(
        ({ file, before, after }) =>
          `${out.paint('bold', file)}\n${diffText(before, after, ({ sign }, text) => out.paint(colours[sign], text))}`,
      )
      .join('\n\n')
    if (flags.check) {
      out.result({ ok: false, ...result, changed: false }, `Missing:\n${shown}`, 'settings-missing')
      return EXIT.problems
    }
    out.note(shown)
    await prompts.confirm('Write this?')
    for (const { file, after } of files) await writeAtomically(file, after)
    const next = [
      ...(files.some(({ file }) => file === packageFile) ? [`${packageManager(io.env)} install`] : []),
      'npx wrangler deploy',
    ]
    out.result(
      { ok: true, ...result, changed: true, next },
      `Changed: ${files.map(({ file }) => file).join(', ')}\n${out.paint('bold', 'Next:')} ${next.join(' && ')}`,
    )
    return EXIT.ok
  },
})
