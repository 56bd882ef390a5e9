import type { ServerKind } from './knownDifferences.ts'
import cirrus from './cirrus.json' with { type: 'json' }
import reference from './reference.json' with { type: 'json' }

/** The kinds of servers that something is known about; a file for each. */
export const SERVER_KINDS: readonly ServerKind[] = [cirrus, reference]

/** The kind of a server, by its front page. Undefined for one that nothing is known about. */
export const kindOf = (frontPage: string): ServerKind | undefined =>
  SERVER_KINDS.find((kind) => kind.frontPage.some((text) => frontPage.includes(text)))
