import { useEffect, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { SegmentedControl, TextInput, UnstyledButton } from '@mantine/core';
import {
  IconAlertTriangle, IconArrowDown, IconArrowUp, IconArrowsRight, IconChecks, IconFilter, IconGitFork, IconLink, IconPlayerPause, IconRestore, IconTag, IconTrash, type Icon,
} from '@tabler/icons-react';
import type { ActivityEvent, ActivityKind, FolderView, WireError } from '../../preload/contract.ts';
import { ask, wireOf } from '../bridge.ts';
import { ErrorNote, useNow } from '../components/bits.tsx';
import { bytes, count, date, parentOf, time, visible } from '../format.ts';
import { MODES } from '../modes.ts';
import { openFolder } from '../store.ts';

const LIMIT = 500;
const LOOKS: Record<ActivityKind, { icon: Icon; tone: string }> = {
  uploaded: { icon: IconArrowUp, tone: 'up' }, downloaded: { icon: IconArrowDown, tone: 'down' }, 'deleted-local': { icon: IconTrash, tone: '' }, 'deleted-remote': { icon: IconTrash, tone: '' },
  renamed: { icon: IconArrowsRight, tone: '' }, 'two-versions': { icon: IconGitFork, tone: 'at' }, adopted: { icon: IconChecks, tone: 'ok' }, 'attributes-updated': { icon: IconTag, tone: '' },
  failed: { icon: IconAlertTriangle, tone: 'bad' }, held: { icon: IconPlayerPause, tone: 'at' }, joined: { icon: IconLink, tone: '' }, restored: { icon: IconRestore, tone: 'ok' },
};
type Filter = 'all' | 'sent' | 'received' | 'moved' | 'deleted' | 'problems';
const FILTERS: Record<Filter, readonly ActivityKind[] | null> = {
  all: null, sent: ['uploaded'], received: ['downloaded', 'restored'], moved: ['renamed'], deleted: ['deleted-local', 'deleted-remote'], problems: ['failed', 'held', 'two-versions'],
};

/** From this many on, events of one kind in one directory and minute become one line. */
const COLLAPSE_FROM = 4;
type Line = { event: Entry; more: number; bytes: number };

function collapse(events: readonly Entry[]): Line[] {
  const alike = new Map<string, Entry[]>();
  for (const event of events) {
    const key = `${event.folderId}\0${event.kind}\0${parentOf(event.path)}`;
    alike.set(key, [...(alike.get(key) ?? []), event]);
  }
  const sizeOf = (all: readonly Entry[]): number => all.reduce((sum, event) => sum + event.bytes, 0);
  return [...alike.values()].flatMap((all) => (all.length < COLLAPSE_FROM ? all.map((event) => ({ event, more: 0, bytes: event.bytes })) : [{ event: all[0]!, more: all.length - 1, bytes: sizeOf(all) }]));
}

/** Events of one minute stand under one time. */
function byMinute(events: readonly Entry[]): { minute: string; atMs: number; events: Entry[] }[] {
  const groups: { minute: string; atMs: number; events: Entry[] }[] = [];
  for (const event of events) {
    const minute = `${date(event.atMs)} ${time(event.atMs)}`;
    const last = groups.at(-1);
    if (last?.minute === minute) last.events.push(event);
    else groups.push({ minute, atMs: event.atMs, events: [event] });
  }
  return groups;
}

type Entry = ActivityEvent & { folderId: string };

/** The newest of all the folders together. */
function useActivity(folders: readonly FolderView[]): { value: Entry[] | null; error: WireError | null } {
  const [state, setState] = useState<{ value: Entry[] | null; error: WireError | null }>({ value: null, error: null });
  const asked = JSON.stringify(folders.map(({ id, status }) => [id, status.lastSuccessMs, status.progress?.doneFiles ?? 0]));
  useEffect(() => {
    let isCurrent = true;
    const each = (JSON.parse(asked) as [string][]).map(async ([folderId]) => (await ask('folders.activity', { folderId, limit: LIMIT })).map((event) => ({ ...event, folderId })));
    // A folder that cannot be opened does not keep the others from being told about.
    void Promise.allSettled(each).then((all) => {
      if (!isCurrent) return;
      const failed = all.find((one) => one.status === 'rejected');
      setState({ value: all.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])).toSorted((a, b) => b.atMs - a.atMs).slice(0, LIMIT), error: failed === undefined || all.length > 1 ? null : wireOf(failed.reason) });
    });
    return () => {
      isCurrent = false;
    };
  }, [asked]);
  return state;
}

/** What happened, as the end of a sentence that begins with the file's name. */
function Says({ event, count: files, isSealed }: { event: Entry; count: number; isSealed: boolean }): ReactElement {
  const { t } = useTranslation();
  const detail = files === 1 ? event.detail : null;
  if (event.kind === 'renamed' && detail !== null) return <>{t('activity.renamedTo')} <b><bdi>{visible(detail)}</bdi></b></>;
  return <>{event.kind === 'uploaded' && isSealed ? t('activity.sealedSent', { count: files }) : t(`activity.kinds.${event.kind}`, { count: files })}{detail !== null && <span className="mute"> {visible(detail)}</span>}</>;
}

export function ActivityList({ folders }: { folders: readonly FolderView[] }): ReactElement {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [filter, setFilter] = useState<Filter>('all');
  const { value, error } = useActivity(folders);
  const nameOf = (folderId: string): string => visible(folders.find(({ id }) => id === folderId)?.name ?? '');
  const isSealed = (folderId: string): boolean => folders.some(({ id, mode }) => id === folderId && MODES[mode].family === 'client');
  const kinds = FILTERS[filter];
  const shown = (value ?? []).filter((event) => (kinds === null || kinds.includes(event.kind)) && event.path.toLowerCase().includes(text.toLowerCase()));
  const today = date(useNow());
  return (
    <section aria-label={t('tabs.activity')}>
      <div className="row tools">
        <TextInput className="grow" leftSection={<IconFilter size={16} stroke={1.75} />} placeholder={t('activity.filter')} aria-label={t('activity.filter')} value={text} onChange={(event) => setText(event.currentTarget.value)} />
        <SegmentedControl withItemsBorders={false} aria-label={t('activity.kind')} value={filter} onChange={setFilter} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }} data={(Object.keys(FILTERS) as Filter[]).map((each) => ({ value: each, label: t(`activity.${each}`) }))} />
      </div>
      {error !== null && <ErrorNote error={error} />}
      <div className="log">
        {byMinute(shown).map((group) => (
          <section key={group.minute}>
            <h2 className="h3">{time(group.atMs)}<span>{date(group.atMs) === today ? t('activity.today') : date(group.atMs)}</span></h2>
            <ul>
              {(text === '' ? collapse(group.events) : group.events.map((event) => ({ event, more: 0, bytes: event.bytes }))).map(({ event, more, bytes: size }, index) => {
                const { icon: EventIcon, tone } = LOOKS[event.kind];
                return (
                  <li key={`${event.path}${index}`}>
                    <span className={`ei ${tone}`}><EventIcon size={14} stroke={1.9} aria-hidden="true" /></span>
                    <span className="ell grow"><b><bdi>{event.path === '' ? nameOf(event.folderId) : visible(event.path)}</bdi></b> {more > 0 && <>{t('activity.andMore', { count: more, value: count(more) })} {parentOf(event.path) !== '' && <>{t('activity.in')} <bdi className="mono">{visible(parentOf(event.path))}</bdi> </>}</>}<Says event={event} count={more + 1} isSealed={isSealed(event.folderId)} /></span>
                    {event.kind === 'two-versions' && folders.some(({ id, status }) => id === event.folderId && status.twoVersions > 0) && <UnstyledButton className="link" onClick={() => openFolder(event.folderId, 'twoVersions')}>{t('activity.lookAtBoth')}</UnstyledButton>}
                    <span className="sm faint">{folders.length > 1 && nameOf(event.folderId)} {size > 0 ? bytes(size) : ''}</span>
                  </li>
                );
              })}
            </ul>
          </section>
        ))}
      </div>
      {value !== null && shown.length === 0 && <p className="mute quiet">{value.length === 0 ? t('activity.none') : t('activity.noneFits')}</p>}
      {value === null && error === null && <p className="mute quiet" role="status">{t('common.loading')}</p>}
    </section>
  );
}
