import { readRecords, type RepoEvent, subscribeRepos } from 'cirrus-pds/client/subscribe'

/** The last cursor, stored between two runs. */
interface CursorStore {
  load(): Promise<number | undefined>
  save(seq: number): Promise<void>
}

export async function follow(host: string, store: CursorStore, signal: AbortSignal): Promise<void> {
  const cursor = await store.load()
  const onInfo = ({ name }: { name: string }) => console.warn(name) // OutdatedCursor: events are missing
  for await (const event of subscribeRepos(host, { cursor, signal, onInfo })) {
    for (const line of await linesOf(event)) console.log(line)
    await store.save(event.seq)
  }
}

export async function linesOf(event: RepoEvent): Promise<string[]> {
  switch (event.$type) {
    case 'com.atproto.sync.subscribeRepos#commit':
      return (await readRecords(event)).map(
        ({ action, collection, rkey, record }) =>
          `${action} at://${event.repo}/${collection}/${rkey} ${JSON.stringify(record)}`,
      )
    case 'com.atproto.sync.subscribeRepos#account':
      return [`${event.did} is ${event.active ? 'active' : (event.status ?? 'inactive')}`]
    case 'com.atproto.sync.subscribeRepos#identity':
      return [`${event.did} may have another handle, key or PDS: look it up`]
    case 'com.atproto.sync.subscribeRepos#sync':
      return [`${event.did} is now at ${event.rev}: fetch its repository`]
  }
}
