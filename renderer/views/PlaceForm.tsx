/** Where the copies live: a disk of one's own, Amazon S3, or another S3 server. Used by the wizard and by Storage. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Autocomplete, Button, PasswordInput, SegmentedControl, TextInput } from '@mantine/core';
import { IconBrandAws, IconDeviceUsb, IconFolder, IconLifebuoy, IconServer2 } from '@tabler/icons-react';
import type { ConnectionView, KnownFolderView, RequestInput, WireError } from '../../preload/contract.ts';
import { AnswerError, ask, useAnswer } from '../bridge.ts';
import { Choices, Copyable, ErrorNote } from '../components/bits.tsx';
import { refreshConnections, useStore } from '../store.ts';
import { RestoreKit } from './RestoreKit.tsx';

/** `kit`: none yet, a recovery kit says where it is. */
export type PlaceKind = 'disk' | 'aws' | 's3' | 'kit';
type SignIn = 'profile' | 'key';
export type PlaceDraft = { kind: PlaceKind; directory: string; signIn: SignIn; profile: string; endpoint: string; region: string; accessKeyId: string; secretAccessKey: string };

export const emptyPlace = (directory: string): PlaceDraft => ({ kind: 'disk', directory, signIn: 'profile', profile: 'default', endpoint: '', region: 'us-east-1', accessKeyId: '', secretAccessKey: '' });

/** Where a folder from a kit lies: all but the sign-in is known. */
export function placeOfKnown(draft: PlaceDraft, { endpoint, region }: KnownFolderView): PlaceDraft {
  if (endpoint === 'built-in') return { ...draft, kind: 'disk' };
  return endpoint === null ? { ...draft, kind: 'aws', region } : { ...draft, kind: 's3', endpoint, region };
}

export function isPlaceComplete(draft: PlaceDraft): boolean {
  if (draft.kind === 'kit') return false;
  if (draft.kind === 'disk') return draft.directory !== '';
  if (draft.region.trim() === '') return false;
  if (draft.kind === 'aws' && draft.signIn === 'profile') return draft.profile.trim() !== '';
  const hasKey = draft.accessKeyId.trim() !== '' && draft.secretAccessKey !== '';
  return hasKey && (draft.kind === 'aws' || URL.canParse(draft.endpoint));
}

function connectionOf(draft: PlaceDraft, name: string): RequestInput<'connections.add'> {
  const region = draft.region.trim();
  if (draft.kind === 'disk') return { kind: 'built-in', name, directory: draft.directory };
  if (draft.kind === 'aws' && draft.signIn === 'profile') return { kind: 'profile', name, profile: draft.profile.trim(), region };
  return { kind: 's3', name, endpoint: draft.kind === 'aws' ? null : draft.endpoint.trim().replace(/\/+$/, ''), region, accessKeyId: draft.accessKeyId.trim(), secretAccessKey: draft.secretAccessKey };
}

/** A name that says what it is and is not taken: `This computer's storage`, `This computer's storage 2`. */
function freeName(wanted: string, taken: readonly ConnectionView[]): string {
  const names = new Set(taken.map((one) => one.name));
  let name = wanted;
  for (let number = 2; names.has(name); number += 1) name = `${wanted} ${number}`;
  return name;
}

/**
 * Adds the connection and proves that it works; one that does not is removed again.
 * @throws AnswerError
 */
export function useAddPlace(): (draft: PlaceDraft) => Promise<ConnectionView> {
  const { t } = useTranslation();
  return async (draft) => {
    const { connections } = useStore.getState();
    const wanted = draft.kind === 'disk' ? t('place.names.disk') : draft.kind === 'aws' ? (draft.signIn === 'profile' ? t('place.names.profile', { profile: draft.profile.trim() }) : t('place.names.aws')) : new URL(draft.endpoint).host;
    const connection = await ask('connections.add', connectionOf(draft, freeName(wanted, connections)));
    const test = await ask('connections.test', { connectionId: connection.id });
    if (!test.ok) {
      await ask('connections.remove', { connectionId: connection.id });
      if (test.error !== null) throw new AnswerError(test.error);
    }
    await refreshConnections();
    return connection;
  };
}

const SIGN_IN: ReadonlySet<string> = new Set(['sign-in-expired', 'sign-in-missing', 'sign-in-wrong']);

/** What went wrong while a place was added; where only a sign-in is missing, the command for it and another try. */
export function PlaceError({ draft, error, onRetry }: { draft: PlaceDraft; error: WireError; onRetry: () => void }): ReactElement {
  const { t } = useTranslation();
  const { value: profiles } = useAnswer('aws.profiles', undefined);
  const profile = draft.profile.trim();
  const mayBeSso = draft.kind === 'aws' && draft.signIn === 'profile' && SIGN_IN.has(error.code) && profiles?.find(({ name }) => name === profile)?.isSso === true;
  if (!mayBeSso) return <ErrorNote error={error} />;
  return (
    <ErrorNote error={error}>
      <span className="b">{t('place.ssoTitle')}</span>
      <span className="sm mute">{t('place.ssoSays')}</span>
      <Copyable value={`aws sso login --profile ${/^[\w.-]+$/.test(profile) ? profile : `'${profile.replaceAll("'", String.raw`'\''`)}'`}`} />
      <span><Button onClick={onRetry}>{t('common.tryAgain')}</Button></span>
    </ErrorNote>
  );
}

export function PlaceForm({ draft, setDraft, onKnown }: { draft: PlaceDraft; setDraft: (draft: PlaceDraft) => void; /** Where a folder can be opened again from a recovery kit. */ onKnown?: (folder: KnownFolderView) => void }): ReactElement {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  const { value: profiles } = useAnswer('aws.profiles', undefined);
  const withRegion = (profile: string): Partial<PlaceDraft> => {
    const region = profiles?.find(({ name }) => name === profile)?.region ?? null;
    return region === null ? {} : { region };
  };
  const change = (part: Partial<PlaceDraft>): void => setDraft({ ...draft, ...part });
  const choose = async (): Promise<void> => {
    const directory = await ask('host.chooseFolder', { title: t('place.chooseTitle') }).catch(() => null);
    if (directory !== null) change({ directory });
  };
  const accessKey = (
    <>
      <TextInput label={t('place.accessKeyId')} value={draft.accessKeyId} onChange={(event) => change({ accessKeyId: event.currentTarget.value })} autoComplete="off" spellCheck={false} />
      <PasswordInput label={t('place.secret')} description={t('place.secretSays')} value={draft.secretAccessKey} onChange={(event) => change({ secretAccessKey: event.currentTarget.value })} autoComplete="off" />
    </>
  );
  const region = <TextInput label={t('place.region')} value={draft.region} onChange={(event) => change({ region: event.currentTarget.value })} spellCheck={false} />;
  return (
    <>
      <Choices
        label={t('place.title')} value={draft.kind} onChange={(kind) => change({ kind: kind as PlaceKind })}
        options={[
          { value: 'disk', title: t('place.disk'), says: t('place.diskSays'), icon: <IconDeviceUsb size={20} stroke={1.6} />, tag: t('place.startHere') },
          { value: 'aws', title: t('place.aws'), says: t('place.awsSays'), icon: <IconBrandAws size={20} stroke={1.6} /> },
          { value: 's3', title: t('place.s3'), says: t('place.s3Says'), icon: <IconServer2 size={20} stroke={1.6} /> },
          ...(onKnown === undefined ? [] : [{ value: 'kit', title: t('place.kit'), says: t('place.kitSays'), icon: <IconLifebuoy size={20} stroke={1.6} /> }]),
        ]}
      />
      <div className="place-fields">
        {draft.kind === 'kit' && onKnown !== undefined && <RestoreKit onKnown={(known) => { setDraft(placeOfKnown(draft, known)); onKnown(known); }} />}
        {draft.kind === 'disk' && (
          <>
            <div className="row end">
              <TextInput className="grow mono-input" label={t('place.directory')} leftSection={<IconFolder size={16} stroke={1.75} />} value={draft.directory} onChange={(event) => change({ directory: event.currentTarget.value })} spellCheck={false} />
              <Button onClick={() => void choose()}>{t('common.choose')}</Button>
            </div>
            <p className="sm mute">{t('place.directorySays')}</p>
          </>
        )}
        {draft.kind === 'aws' && (
          <>
            <SegmentedControl
              withItemsBorders={false} className="own-width" aria-label={t('place.signIn')} value={draft.signIn} onChange={(signIn) => change({ signIn })} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }}
              data={[{ value: 'profile', label: t('place.profile') }, { value: 'key', label: t('place.accessKey') }]}
            />
            <div className="fields-two">{draft.signIn === 'profile' ? <Autocomplete
                  label={t('place.profileName')} description={t(profiles?.find((one) => one.name === draft.profile)?.isSso === true ? 'place.isSso' : 'place.profileSays')} value={draft.profile} data={(profiles ?? []).map(({ name }) => name)} spellCheck={false}
                  classNames={{ input: 'field-input', label: 'field-label', description: 'field-description', dropdown: 'menu', option: 'menu-item' }} onChange={(profile) => change({ profile, ...withRegion(profile) })}
                /> : accessKey}{region}</div>
          </>
        )}
        {draft.kind === 's3' && (
          <div className="fields-two">
            <TextInput
              className="mono-input" label={t('place.endpoint')} placeholder="https://s3.example.org" value={draft.endpoint} onChange={(event) => change({ endpoint: event.currentTarget.value })} onBlur={() => setAsked(true)} spellCheck={false}
              error={asked && draft.endpoint !== '' && !URL.canParse(draft.endpoint) ? t('place.endpointWrong') : undefined}
            />
            {region}
            {accessKey}
          </div>
        )}
      </div>
    </>
  );
}
