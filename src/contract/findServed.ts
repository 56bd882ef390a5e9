import type { Answer, Asking } from './ask.ts'
import type { Method } from './lexicon/lexiconSet.ts'

/** A well-formed name of a method that does not exist anywhere. */
export const NO_METHOD = 'com.example.unknown'

export const verbOf = ({ kind }: Pick<Method, 'kind'>): 'GET' | 'POST' => (kind === 'query' ? 'GET' : 'POST')
export const wrongVerbOf = ({ kind }: Pick<Method, 'kind'>): 'GET' | 'POST' =>
  kind === 'query' ? 'POST' : 'GET'

/** What every PDS has of its own; a method of another namespace may only be forwarded. */
const isOfServer = (id: string): boolean =>
  id.startsWith('com.atproto.') || /^app\.bsky\.actor\.(get|put)Preferences$/.test(id)

/** 404 may also be about a thing that is missing, or about the request: then the error says so. */
const isNotThere = ({ status, error }: Answer): boolean =>
  status === 501 ||
  (status === 404 &&
    (error === undefined || /^(NotFound|\w*Method\w*|\w*Not(Supported|Implemented))$/i.test(error)))

/**
 * Which of the methods the server has. One that it does not have is 404 or 501. Where made-up names are refused for want of
 * a credential, as by a server that forwards what it does not know, a method is told apart by its answer to the wrong verb.
 */
export async function findServed(
  ask: Asking,
  methods: readonly Method[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const first = (id: string, verb: string): Promise<Answer | undefined> =>
    ask(id, { verb, reuse: true }).catch(() => undefined)
  const status = async (id: string, verb: string): Promise<number | undefined> =>
    (await first(id, verb))?.status
  const isServed = async (method: Method): Promise<boolean> => {
    const { id } = method
    const answer = await first(id, verbOf(method))
    if (answer && isNotThere(answer)) return false
    if (answer?.status !== 401 || (await status(NO_METHOD, verbOf(method))) !== 401) return true
    return (await status(id, wrongVerbOf(method))) !== 401 || isOfServer(id)
  }
  const served = new Set<string>()
  for (const method of methods) {
    if (await isServed(method)) served.add(method.id)
    signal.throwIfAborted()
  }
  return served
}
