import { readRecords, type RepoEvent, subscribeRepos } from 'cirrus-pds/client/subscribe'

/** Where you got to, kept between two runs. */
interface Place {
  load(): Promise<number | undefined>
  save(seq: number): Promise<void>
}

export async function follow(host: string, place: Place, signal: AbortSignal): Promise<void> {
  const cursor = await place.load()
  const onInfo = ({ name }: { name: string }) => console.warn(name) // OutdatedCursor: events are missing
  for await (const event of subscribeRepos(host, { cursor, signal, onInfo })) {
    for (const line of await linesOf(event)) console.log(line)
    await place.save(event.seq)
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
      return [`${event.did} stands at ${event.rev}: fetch its repository`]
  }
}
