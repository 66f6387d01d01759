/** What a mode can be told beyond its card; and what it comes to on the wire and on the command line. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { SegmentedControl, Switch, Textarea } from '@mantine/core';
import type { ConnectionView, FolderView } from '../../../preload/contract.ts';
import { Copyable, Fact } from '../../components/bits.tsx';
import { changeCommandOf, commandOf, headersOf, parseContext } from '../../mode-request.ts';
import { MODES } from '../../modes.ts';
import { useStore } from '../../store.ts';
import type { Draft } from '../Wizard.tsx';

type Props = { draft: Draft; change: (part: Partial<Draft>) => void };
const seg = { root: 'seg', label: 'seg-label', indicator: 'seg-on' };

export function ModeOptions({ draft, change }: Props): ReactElement | null {
  const { t } = useTranslation();
  const { mode, format, dsse, bucketKey, context } = draft;
  const isClient = MODES[mode].family === 'client';
  if (mode === 'sse-s3' || mode === 'sse-c') return null;
  return (
    <>
      {isClient && (
        <Fact name={t('options.format')}>
          <span className="row names-row"><span className="grow">{t(`options.formats.${format}`)}</span><SegmentedControl withItemsBorders={false} size="xs" aria-label={t('options.format')} value={format} onChange={(next) => change({ format: next })} classNames={seg} data={[{ value: 'v3', label: 'V3' }, { value: 'v2', label: 'V2' }]} /></span>
        </Fact>
      )}
      {!isClient && (
        <>
          <Fact name={t('options.bucketKey')}><Switch size="xs" classNames={{ label: 'check-label' }} checked={bucketKey && !dsse} disabled={dsse} label={t('options.bucketKeySays')} onChange={(event) => change({ bucketKey: event.currentTarget.checked })} /></Fact>
          <Fact name={t('options.dsse')}><Switch size="xs" classNames={{ label: 'check-label' }} checked={dsse} label={t('options.dsseSays')} onChange={(event) => change({ dsse: event.currentTarget.checked })} /></Fact>
          <Fact name={t('options.context')}>
            <Textarea
              size="xs" autosize minRows={1} maxRows={4} aria-label={t('options.context')} placeholder={t('options.contextPlaceholder')} classNames={{ input: 'field-input mono', error: 'field-error' }} value={context} onChange={(event) => change({ context: event.currentTarget.value })}
              error={parseContext(context) === null ? t('options.contextWrong') : undefined} spellCheck={false}
            />
          </Fact>
        </>
      )}
    </>
  );
}

export function WireAndCommand({ draft, connection, folder }: { draft: Draft; connection: ConnectionView | undefined; /** The folder that is changed; a new one without. */ folder?: FolderView | undefined }): ReactElement {
  const { t } = useTranslation();
  const keyName = useStore((state) => state.keys.find((key) => key.keyId === draft.keyId)?.name ?? null);
  const command = folder !== undefined ? changeCommandOf(draft, folder.id, keyName) : commandOf(draft, { ...draft, connectionName: connection?.name ?? '', keyName, createBucket: draft.inspect?.bucketExists === false });
  return (
    <details className="sm wire">
      <summary>{t('options.wire')}</summary>
      <h3>{t('options.headers')}</h3>
      <dl className="wire-headers mono">
        {headersOf(draft).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
      <div className="row"><h3 className="grow">{t('options.command')}</h3><Copyable value={command.join(' ')} isButtonOnly /></div>
      <pre className="mono selectable" data-testid="command">{command.join(' \\\n  ')}</pre>
    </details>
  );
}
