import { prove } from '../../helpers/check/proof.ts';
import { breaking, DATA } from './faults.ts';
import './storage.test.ts';

const claim = (name: string, storageClassName: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'data-platform' },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } },
});

prove('kubernetes.pvc.bound', {
  fault: 'a claim names a storage class that does not exist',
  expect: 'volume',
  subject: 'claim data-platform/orphan',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.apply(claim('orphan', 'absent'));
    await hands.becomes(async () =>
      (await hands.items(`${DATA}/events`)).some(
        ({ reason, involvedObject }) => reason === 'ProvisioningFailed' && involvedObject.name === 'orphan',
      ),
    );
    return (again) => again.remove(`${DATA}/persistentvolumeclaims/orphan`);
  }),
});

prove('kubernetes.pvc.bound', {
  fault: 'the phase promises a larger volume',
  expect: 'volume',
  subject: 'claim data-platform/data-store-0',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: { ...component.settings, volumes: { 'data-platform': { 'data-store-0': '50Gi' } } },
  }),
});

prove('kubernetes.pvc.bound', {
  fault: 'the phase promises a claim that nobody makes',
  expect: 'not-deployed',
  subject: 'claim data-platform/data-kafka-0',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: { ...component.settings, volumes: { 'data-platform': { 'data-kafka-0': '50Gi' } } },
  }),
});

prove('kubernetes.storageclass.local-path', {
  fault: 'a claim is of another class',
  expect: 'misconfigured',
  subject: 'claim data-platform/stray',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.apply(claim('stray', 'other'));
    return (again) => again.remove(`${DATA}/persistentvolumeclaims/stray`);
  }),
});

prove('kubernetes.storageclass.local-path', {
  fault: 'the phase promises a class that does not exist',
  expect: 'not-deployed',
  subject: 'storage class fast',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, storageClass: 'fast' } }),
});
