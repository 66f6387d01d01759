import { createFakeBridge, type Scene } from './fake-bridge.ts';

const scene = (new URLSearchParams(location.search).get('scene') ?? 'full') as Scene;
Object.defineProperty(window, 'enfold', { value: createFakeBridge(scene) });
void import('../../renderer/main.tsx');
