import { orServerError } from '../serverErrors.ts'
import { command } from '../command.ts'
import { EXIT } from '../errors.ts'
import { count, plain } from '../output.ts'

export const check = command({
  name: 'check',
  summary: 'Walk the whole repository on the server and recompute everything derived from it.',
  description: 'Changes nothing. Exits with 3 if something is not as it should be.',
  async run({ admin, out }) {
    const server = await admin()
    out.note('Walking the repository …')
    const found = await orServerError(server.com.cirrus.admin.checkRepo())
    const { ok, problems, records, blocks, blobs, events, journal } = found
    const looked = `${count(records, 'record')}, ${count(blocks, 'block')}, ${count(blobs, 'blob')}, ${count(events, 'event')}, ${count(journal, 'journal entry', 'journal entries')}`
    const text = ok
      ? `${out.paint('green', 'All as it should be')}: ${looked}.`
      : [
          `${out.paint('red', 'Not as it should be')} (${looked}):`,
          ...problems.map((problem) => `  ${plain(problem)}`),
          'Next: export what is there (`pds export`) before anything else.',
        ].join('\n')
    out.result(found, text, ok ? undefined : 'check-failed')
    return ok ? EXIT.ok : EXIT.problems
  },
})
