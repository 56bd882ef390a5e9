import { command, type Context } from '../command.ts'
import { isNoSuchFile, readText, writeAtomically } from '../files/files.ts'
import { editVars } from '../project/wranglerToml.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { confirmOperation } from '../terminal/confirmOperation.ts'

/** Puts the handle into wrangler.toml, so that an object that is made again begins with it. It is only a copy. */
const writeVars = async ({ project, address, out }: Context, handle: string): Promise<boolean> => {
  if (!project || !address().isProjectServer || project.vars['HANDLE'] === handle) return false
  try {
    const toml = (await readText(project.tomlFile)) ?? ''
    await writeAtomically(project.tomlFile, editVars(toml, { HANDLE: handle }, project.tomlFile))
    return true
  } catch (cause) {
    if (isNoSuchFile(cause)) return false
    out.warn(`set HANDLE = "${handle}" in wrangler.toml yourself: it could not be written.`)
    return false
  }
}

export const handle = command({
  name: 'handle',
  summary: 'Give the account another handle, once DNS or a well-known file says that it is yours.',
  description:
    'It shows the operation on the DID, asks, and changes nothing if the handle does not lead to the account.\n' +
    'With the handle that the account has, the network is told of it again. May be repeated after any failure.',
  positionals: [{ name: 'handle', help: 'The new handle, such as alice.example.com.' }],
  examples: ['pds handle alice.example.com', 'pds handle alice.example.com --yes --json'],
  async run(context, _, [asked]) {
    const { out, prompts } = context
    const server = await context.admin()
    const wanted = asked.replace(/^@/, '')
    const { shown, done } = await confirmOperation(context, {
      change: (input) => orServerError(server.com.cirrus.admin.updateHandle({ handle: wanted, ...input })),
      reason: (found) => `${found.handle} leads to the account. The DID needs an operation for it:`,
      async withoutOperation(found) {
        if (found.previous !== found.handle)
          await prompts.confirm(`Change the handle from ${found.previous} to ${found.handle}?`)
      },
    })
    const { changes, previous } = shown
    const edited = await writeVars(context, done.handle)
    const text = [
      previous === done.handle
        ? `The handle is ${done.handle}, as before; the network was told again.`
        : `The handle is now ${done.handle}; it was ${previous}.`,
      ...(edited ? ['HANDLE in wrangler.toml says so, too; no deploy is needed.'] : []),
      'Apps show it within minutes. Keep what makes it resolve: the DNS record or the file.',
    ]
    out.result(
      {
        ok: true,
        handle: done.handle,
        previous,
        changes,
        ...(shown.operation !== undefined && { operation: shown.operation }),
      },
      text.join('\n'),
    )
  },
})
