/** The rows in sight of a list of any length, with a selection of one or many. */
import { createElement, memo, useEffect, useRef, useState, type DragEvent, type KeyboardEvent, type MouseEvent, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import {
  IconAlertTriangle, IconChecks, IconFile, IconFileMusic, IconFileText, IconFileTypePdf, IconFileUnknown, IconFileZip, IconFolder, IconMovie, IconPhoto, IconTable, IconTrash, type Icon,
} from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import type { BrowseRow } from '../../../preload/contract.ts';
import { Padlock } from '../../components/glyphs.tsx';
import { bytes, date, dateTime, parentOf, visible } from '../../format.ts';
import type { Listing } from './listing.ts';

const ROW_PX = 36;
const KINDS: readonly (readonly [RegExp, Icon])[] = [
  [/\.pdf$/i, IconFileTypePdf], [/\.(png|jpe?g|gif|webp|heic|tiff?|svg|cr3|nef|arw|dng)$/i, IconPhoto], [/\.(mov|mp4|mkv|avi|webm)$/i, IconMovie], [/\.(mp3|flac|wav|ogg|m4a)$/i, IconFileMusic],
  [/\.(zip|gz|xz|zst|7z|tar|rar)$/i, IconFileZip], [/\.(ods|xlsx?|csv|tsv)$/i, IconTable], [/\.(md|txt|odt|docx?|rtf|tex)$/i, IconFileText],
];

/** `at` has the keyboard; `from` is where a range began. */
export type Selection = { readonly rows: ReadonlyMap<string, BrowseRow>; readonly at: number; readonly from: number };
export const NOTHING_SELECTED: Selection = { rows: new Map(), at: -1, from: -1 };

function iconOf(row: BrowseRow): Icon {
  if (row.kind === 'directory') return IconFolder;
  if (row.protection === 'foreign') return IconFileUnknown;
  return KINDS.find(([pattern]) => pattern.test(row.name))?.[1] ?? IconFile;
}

function RowState({ row, isGoing }: { row: BrowseRow; isGoing: boolean }): ReactElement | null {
  const { t } = useTranslation();
  if (isGoing) return <span className="sts faint"><IconTrash size={14} stroke={1.9} aria-hidden="true" />{t('browse.going')}</span>;
  if (row.protection === 'foreign') return <span className="sts faint"><IconAlertTriangle size={14} stroke={1.9} aria-hidden="true" />{t('browse.foreign')}</span>;
  if (row.kind === 'directory') return null;
  if (row.past !== undefined) return row.past.now === 'unknown' ? null : <span className={row.past.now === 'same' ? 'sts faint' : 'sts'}>{t(`past.now.${row.past.now}`)}</span>;
  if (row.isConfirmed) return <span className="sts ok"><IconChecks size={14} stroke={1.9} aria-hidden="true" />{t('browse.verified')}</span>;
  return <span className="sts faint">{t('browse.notYet')}</span>;
}

type RowProps = { /** Undefined: still on its way. */ row: BrowseRow | undefined; index: number; start: number; isSelected: boolean; isAt: boolean; isGoing: boolean; where: string };
/** Drawn once, not with each step of a scroll: only then does a long list keep up with the wheel. */
const Row = memo(function Row({ row, index, start, isSelected, isAt, isGoing, where }: RowProps): ReactElement {
  const { t } = useTranslation();
  return (
    <div
      id={`row-${index}`} role="row" aria-rowindex={index + 1} aria-selected={isSelected} draggable={row?.kind === 'file' && row.protection !== 'foreign'}
      className={`tr browse-grid${isSelected ? ' sel' : ''}${row?.protection === 'foreign' ? ' foreign' : ''}${isGoing ? ' going' : ''}${isAt ? ' at' : ''}`} style={{ transform: `translateY(${start}px)` }}
    >
      <span className="row" role="gridcell"><span className="fi">{row !== undefined && createElement(iconOf(row), { size: 18, stroke: 1.6, 'aria-hidden': true })}{row?.protection === 'sealed' && <Padlock />}</span><bdi className="ell">{row === undefined ? '…' : visible(row.name)}</bdi>{where !== '' && <span className="sm faint ell">{visible(where)}</span>}</span>
      <span className="num sm mute" role="gridcell">{row === undefined || row.sizeBytes === null ? '' : bytes(row.sizeBytes)}</span>
      <span className="sm mute ell" role="gridcell">{row === undefined ? '' : row.modifiedMs === null ? (row.kind === 'file' ? t('common.notKnownYet') : '') : row.kind === 'directory' ? date(row.modifiedMs) : dateTime(row.modifiedMs)}</span>
      <span className="sm" role="gridcell">{row !== undefined && <RowState row={row} isGoing={isGoing} />}</span>
    </div>
  );
});

type Props = {
  listing: Listing; selection: Selection; isDeep: boolean; directory: string; going: ReadonlySet<string>;
  onSelect: (selection: Selection) => void; onOpen: (row: BrowseRow) => void; onMenu: (x: number, y: number) => void; onDrag: (rows: readonly BrowseRow[]) => void;
};

export function Rows({ listing, selection, isDeep, directory, going, onSelect, onOpen, onMenu, onDrag }: Props): ReactElement {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const { total } = listing;
  // oxlint-disable-next-line incompatible-library -- nothing here is memoised by a compiler
  const virtual = useVirtualizer({ count: total, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 12 });
  const items = virtual.getVirtualItems();
  // A row that leaves at one end is used again at the other: what is thrown away instead stays in memory until it is collected.
  const [slots, setSlots] = useState(items.length);
  if (items.length > slots) setSlots(items.length);
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  const { show } = listing;
  useEffect(() => show(first, last), [show, first, last]);

  const selectTo = async (index: number, how: { isRange: boolean; isToggle: boolean }): Promise<void> => {
    const row = listing.rowAt(index) ?? (await listing.rowsBetween(index, index + 1))[0];
    if (row === undefined) return;
    if (how.isRange && selection.from >= 0) {
      const [start, end] = [Math.min(selection.from, index), Math.max(selection.from, index) + 1];
      onSelect({ rows: new Map((await listing.rowsBetween(start, end)).map((one) => [one.path, one])), at: index, from: selection.from });
    } else if (how.isToggle) {
      const rows = new Map(selection.rows);
      if (!rows.delete(row.path)) rows.set(row.path, row);
      onSelect({ rows, at: index, from: index });
    } else onSelect({ rows: new Map([[row.path, row]]), at: index, from: index });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const { at } = selection;
    const isCommand = event.ctrlKey || event.metaKey;
    const to = event.altKey ? undefined : { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: total - 1, PageDown: at + page, PageUp: at - page }[event.key];
    const current = listing.rowAt(at);
    if (event.key === 'Enter' && !event.altKey && current !== undefined) onOpen(current);
    else if (isCommand && event.key.toLowerCase() === 'a') void listing.rowsBetween(0, total).then((rows) => onSelect({ rows: new Map(rows.map((one) => [one.path, one])), at, from: at }));
    else if ((event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10')) && scroller.current !== null) {
      const box = scroller.current.getBoundingClientRect();
      onMenu(box.x + 40, box.y + Math.max(0, at * ROW_PX - scroller.current.scrollTop) + ROW_PX);
    } else if (to !== undefined && total > 0) {
      const next = Math.min(total - 1, Math.max(0, to));
      virtual.scrollToIndex(next);
      void selectTo(next, { isRange: event.shiftKey, isToggle: false });
    } else return;
    event.preventDefault();
  };
  const indexUnder = (event: MouseEvent | DragEvent): number => Number((event.target as Element).closest('[role="row"]')?.getAttribute('aria-rowindex') ?? 0) - 1;
  const onClick = (event: MouseEvent): void => {
    const index = indexUnder(event);
    if (index >= 0) void selectTo(index, { isRange: event.shiftKey, isToggle: event.ctrlKey || event.metaKey });
  };
  const onDoubleClick = (event: MouseEvent): void => {
    const row = listing.rowAt(indexUnder(event));
    if (row !== undefined) onOpen(row);
  };
  const onContextMenu = (event: MouseEvent): void => {
    event.preventDefault();
    const index = indexUnder(event);
    const row = listing.rowAt(index);
    if (row !== undefined && !selection.rows.has(row.path)) onSelect({ rows: new Map([[row.path, row]]), at: index, from: index });
    onMenu(event.clientX, event.clientY);
  };
  const onDragStart = (event: DragEvent): void => {
    event.preventDefault();
    const row = listing.rowAt(indexUnder(event));
    if (row === undefined) return;
    onDrag(selection.rows.has(row.path) ? [...selection.rows.values()] : [row]);
  };
  return (
    <div
      className="rows" ref={scroller} role="grid" tabIndex={0} aria-label={t('browse.files')} aria-rowcount={total} aria-multiselectable="true" aria-activedescendant={selection.at < first || selection.at > last || total === 0 ? undefined : `row-${selection.at}`}
      onKeyDown={onKeyDown} onClick={onClick} onDoubleClick={onDoubleClick} onContextMenu={onContextMenu} onDragStart={onDragStart}
    >
      <div className="rows-all" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {items.map(({ index, start }) => {
          const row = listing.rowAt(index);
          const where = isDeep && row !== undefined ? parentOf(row.path).slice(directory.length) : '';
          return <Row key={index % slots} row={row} index={index} start={start} isSelected={row !== undefined && selection.rows.has(row.path)} isAt={index === selection.at} isGoing={row !== undefined && going.has(row.path)} where={where} />;
        })}
      </div>
    </div>
  );
}
