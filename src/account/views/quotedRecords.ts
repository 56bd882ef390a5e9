import { isObject, type JsonObject } from '../../isObject.ts'
import type { ViewQuery } from '../../viewPlan.ts'
import { quotedUri } from './embedView.ts'
import { asPost, asString, UpstreamShapeError } from './upstreamShape.ts'
import type { LocalRecord } from './view.ts'

const query = (id: string, params: string[][]): ViewQuery => ({
  id,
  search: new URLSearchParams(params).toString(),
})

/** The record that a post quotes, alone or beside media. */
const quoteOf = ({ value: { embed } }: LocalRecord): string | undefined => {
  if (!isObject(embed)) return undefined
  if (embed.$type === 'app.bsky.embed.record') return quotedUri(embed)
  return embed.$type === 'app.bsky.embed.recordWithMedia' ? quotedUri(embed.record) : undefined
}

/** What must be asked to show the records that these posts quote: none for what is among the posts itself. */
export const quoteQueries = (posts: readonly LocalRecord[]): ViewQuery[] => {
  const own = new Set(posts.map(({ uri }) => uri))
  const quoted = new Map<string, Set<string>>()
  for (const post of posts) {
    const uri = quoteOf(post)
    const collection = /^at:\/\/did:[^/]+\/([^/]+)\/[^/]+$/.exec(uri ?? '')?.[1]
    if (uri === undefined || collection === undefined || own.has(uri)) continue
    quoted.set(collection, (quoted.get(collection) ?? new Set()).add(uri))
  }
  const named = (collection: string): string[] => [...(quoted.get(collection) ?? [])]
  const together = (id: string, param: string, uris: string[]): ViewQuery[] =>
    uris.length === 0
      ? []
      : [
          query(
            id,
            uris.map((uri) => [param, uri]),
          ),
        ]
  return [
    ...together('app.bsky.feed.getPosts', 'uris', named('app.bsky.feed.post')),
    ...together('app.bsky.feed.getFeedGenerators', 'feeds', named('app.bsky.feed.generator')),
    ...named('app.bsky.graph.list').map((uri) =>
      query('app.bsky.graph.getList', [
        ['list', uri],
        ['limit', '1'],
      ]),
    ),
  ]
}

const postRecord = (value: unknown): JsonObject => {
  const { post, uri, author } = asPost(value, 'post')
  const { cid, record, labels, embed, indexedAt } = post
  if (!isObject(record)) throw new UpstreamShapeError('post.record: expected an object')
  return {
    $type: 'app.bsky.embed.record#viewRecord',
    uri,
    cid: asString(cid, 'post.cid'),
    author,
    value: record,
    labels,
    embeds: embed === undefined ? undefined : [embed],
    indexedAt,
  }
}

const named =
  ($type: string) =>
  (value: unknown): JsonObject => {
    if (!isObject(value)) throw new UpstreamShapeError(`${$type}: expected an object`)
    return { ...value, uri: asString(value.uri, 'uri'), $type }
  }

/** Where each method's answer has its views, and the view of a record that is quoted. */
const READERS = new Map<
  string,
  { items: (answer: JsonObject) => unknown; view: (value: unknown) => JsonObject }
>([
  ['app.bsky.feed.getPosts', { items: ({ posts }) => posts, view: postRecord }],
  [
    'app.bsky.feed.getFeedGenerators',
    { items: ({ feeds }) => feeds, view: named('app.bsky.feed.defs#generatorView') },
  ],
  ['app.bsky.graph.getList', { items: ({ list }) => [list], view: named('app.bsky.graph.defs#listView') }],
])

/** The views of quoted records in the answer to a query, by their addresses. What cannot be read is left out. */
export const quotedViews = (id: string, answer: unknown): [uri: string, view: JsonObject][] => {
  const reader = READERS.get(id)
  const items = reader && isObject(answer) ? reader.items(answer) : undefined
  if (!reader || !Array.isArray(items)) return []
  return items.flatMap((item: unknown): [string, JsonObject][] => {
    try {
      const view = reader.view(item)
      return [[String(view.uri), view]]
    } catch (cause) {
      if (cause instanceof UpstreamShapeError) return []
      throw cause
    }
  })
}
