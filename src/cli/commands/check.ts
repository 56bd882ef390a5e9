import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { count } from '../terminal/output.ts'

export const check = command({
  name: 'check',
  summary: 'Read the whole repository on the server and recompute everything derived from it.',
  description: 'It changes nothing. It exits with 3 if it finds problems.',
  async run({ admin, out }) {
    const server = await admin()
    out.note('Reading the repository …')
    const found = await orServerError(server.com.cirrus.admin.checkRepo())
    const { ok, problems, records, blocks, blobs, events, journal } = found
    const counts = `${count(records, 'record')}, ${count(blocks, 'block')}, ${count(blobs, 'blob')}, ${count(events, 'event')}, ${count(journal, 'journal entry', 'journal entries')}`
    const text = ok
      ? `${out.paint('green', 'No problems')}: ${counts}.`
      : [
          `${out.paint('red', 'Problems')} (${counts}):`,
          ...problems.map((problem) => `  ${problem}`),
          'Next: export what is there (`pds backup`) before you do anything else.',
        ].join('\n')
    out.result(found, text, ok ? undefined : 'check-failed')
    return ok ? EXIT.ok : EXIT.problems
  },
})
