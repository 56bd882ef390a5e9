import { pages } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { canonicalJson } from '../../canonicalJson.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { createChainVerifier, type JournalEntry } from '../journalChain.ts'
import { count, type Paint } from '../terminal/output.ts'

const line = ({ n, at, event, detail }: JournalEntry, paint: Paint): string => {
  const text = canonicalJson(detail)
  return `${String(n).padStart(4)}  ${at}  ${paint('bold', event)}${text === '{}' ? '' : `  ${text}`}`
}

const parseLimit = (text: string | undefined): number => {
  const limit = Number(text ?? 100)
  if (Number.isInteger(limit) && limit > 0) return limit
  throw new CliError('usage', `--limit ${text}: it must be a whole number above 0`, {
    next: 'run `pds log --help`',
  })
}

export const log = command({
  name: 'log',
  summary: 'Show the journal: tokens, signatures, sign-ins, activations. --verify checks its hash chain.',
  description:
    'The newest entry comes first. With --verify it reads the whole chain, and exits with 3 if the chain is broken.',
  flags: {
    verify: { type: 'boolean', help: 'Recompute the hash chain from the newest entry to the first.' },
    limit: { type: 'string', hint: 'n', help: 'How many entries to print. Default: 100.' },
  },
  async run({ admin, out }, flags) {
    const limit = parseLimit(flags.limit)
    const server = await admin()
    const shown: JournalEntry[] = []
    const verifier = createChainVerifier()
    const problems: string[] = []
    const progress = flags.verify ? out.progress('Entries verified') : undefined
    let seen = 0
    let head = ''
    const pageSize = flags.verify ? 1000 : Math.min(limit, 1000)
    const journalPages = pages((page) =>
      orServerError(server.com.cirrus.admin.getJournal({ limit: pageSize, ...page })),
    )
    for await (const { entries } of journalPages) {
      for (const entry of entries) {
        seen++
        head ||= entry.hash
        if (shown.length < limit) shown.push(entry)
        const problem = flags.verify ? verifier.check(entry) : undefined
        if (problem && problems.length < 100) problems.push(problem)
      }
      progress?.to(seen)
      if (!flags.verify && shown.length >= limit) break
    }
    progress?.end()
    const atEnd = flags.verify ? verifier.end() : undefined
    if (atEnd) problems.push(atEnd)
    const lines = shown.map((entry) => line(entry, out.paint))
    if (!flags.verify) {
      out.result({ ok: true, entries: shown }, lines.join('\n'))
      return EXIT.ok
    }
    const ok = problems.length === 0
    const verdict = ok
      ? `${out.paint('green', 'The chain is whole')}: ${count(seen, 'entry', 'entries')}${head ? `, head ${head}` : ''}.`
      : [out.paint('red', 'The chain is broken:'), ...problems.map((problem) => `  ${problem}`)].join('\n')
    out.result(
      { ok, verified: seen, head, problems, entries: shown },
      [...lines, verdict].join('\n'),
      ok ? undefined : 'journal-broken',
    )
    return ok ? EXIT.ok : EXIT.problems
  },
})
