import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconBrandAws, IconDeviceUsb, IconPlus, IconServer2 } from '@tabler/icons-react';
import { useAction } from '../../bridge.ts';
import { Choices } from '../../components/bits.tsx';
import { shortPath } from '../../format.ts';
import { useStore } from '../../store.ts';
import { PlaceError, PlaceForm, emptyPlace, isPlaceComplete, useAddPlace } from '../PlaceForm.tsx';
import { draftOfKnown, type Draft } from '../Wizard.tsx';

const NEW = 'new';

/** The storage that is set up already, or a new one. */
export function PlaceStep({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }): ReactElement {
  const { t } = useTranslation();
  const { connections, defaults, info } = useStore();
  const [isNew, setNew] = useState(connections.length === 0);
  const [place, setPlace] = useState(() => emptyPlace(defaults?.storageDirectory ?? ''));
  const add = useAddPlace();
  const action = useAction();
  const pick = (connectionId: string | null): void => change({ connectionId, inspect: null, ...(draft.known === null && { bucket: connections.find((one) => one.id === connectionId)?.kind === 'built-in' ? 'enfold' : '' }) });
  const choose = (value: string): void => {
    setNew(value === NEW);
    pick(value === NEW ? null : value);
  };
  const addIt = (): void => void action.run(async () => {
    const connection = await add(place);
    change({ connectionId: connection.id, inspect: null, ...(draft.known === null && { bucket: connection.kind === 'built-in' ? 'enfold' : '' }) });
    setNew(false);
  });
  return (
    <div className="wizard-narrow">
      <h1 className="hero">{t('place.title')}</h1>
      <p className="mute measure">{t('place.says')}</p>
      <Choices
        label={t('place.title')} value={isNew ? NEW : (draft.connectionId ?? '')} onChange={choose}
        options={[
          ...connections.map((one) => ({
            value: one.id, title: one.name, says: (one.directory === null ? one.endpoint : shortPath(one.directory, info?.homeDirectory)) ?? t('storage.aws', { region: one.region }),
            icon: one.kind === 'built-in' ? <IconDeviceUsb size={20} stroke={1.6} /> : one.endpoint === null ? <IconBrandAws size={20} stroke={1.6} /> : <IconServer2 size={20} stroke={1.6} />,
          })),
          { value: NEW, title: t('place.another'), says: t('place.anotherSays'), icon: <IconPlus size={20} stroke={1.6} /> },
        ]}
      />
      {isNew && (
        <div className="place-new">
          <PlaceForm draft={place} setDraft={setPlace} onKnown={(known) => change(draftOfKnown(known))} />
          {draft.known !== null && <p className="note sm" role="status">{t('restore.signIn', { name: draft.known.name, remote: draft.known.remote })}</p>}
          {action.error !== null && <PlaceError draft={place} error={action.error} onRetry={addIt} />}
          <Button onClick={addIt} disabled={!isPlaceComplete(place)} loading={action.isRunning}>{t('storage.add')}</Button>
        </div>
      )}
    </div>
  );
}
