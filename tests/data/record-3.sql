PRAGMA application_id = 1398033969;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES('schema_version','3');
INSERT INTO meta VALUES('station_id','bench-1');
INSERT INTO meta VALUES('virtual','1');
CREATE TABLE batch (
  id TEXT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('provision', 'reprovision', 'verify', 'diagnose', 'restore')),
  job_name TEXT, job_text TEXT,
  plan_sha256 TEXT CHECK (length(plan_sha256) = 64 AND plan_sha256 NOT GLOB '*[^0-9a-f]*'),
  family TEXT, family_sha256 TEXT, config_sha256 TEXT,
  cloud TEXT, work_order TEXT, part_number TEXT, part_revision TEXT, operator TEXT,
  station_id TEXT NOT NULL, software_version TEXT NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  started_at INTEGER NOT NULL, ended_at INTEGER,
  ended_by TEXT CHECK (ended_by IN ('done', 'quantity', 'operator', 'rule', 'store', 'bus', 'died')),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
) STRICT;
INSERT INTO batch VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e','provision','core-tinker',replace('job : {\n	name = "core-tinker";\n	family = "core";\n	part_number   = "";\n	part_revision = "";\n	quantity = 0;\n	images = (\n		{ region = "user";    file = "../c/jobs/images/core-user.bin"; },\n		{ region = "factory"; file = "../c/jobs/images/core-factory.bin"; }\n	);\n	device_key : { slot = "device-rsa"; policy = "new"; };\n	server_key : { slot = "server-rsa"; file = "../c/jobs/cloud-rsa.pub.der"; host = "device.example.com"; port = 5683; };\n	enrol : { cloud = "main"; product_id = ""; };\n	write = "always";\n	after = "leave";\n	limits : {\n		retries = 2;\n		attempts_per_unit = 2;\n		attempt_timeout_ms = 600000;\n		stop_after_failures = 5;\n		slot_stop_after = 3;\n		min_yield = 0.0;\n		min_yield_units = 20;\n	};\n	reprovision : {\n		images = "changed";\n		device_key = "new";\n		server_key = "keep-valid";\n		customer_data = "wipe";\n		backup = true;\n		allow = [ ];\n	};\n};\n','\n',char(10)),'a7aef83d6fdc25c4438e696e539bf058649db10a28d866345b8da1cacb4b0063','core','8f2dd5cbcc84f41132740313f606bfe06ef660958ff4c7a2ef22d1d045ce5578','1ed060c6aa954cabb5b48c48c757c4715cb90f9a7506dfab8c8c89b5317af3f9','main',NULL,NULL,NULL,NULL,'bench-1','0.1.0',0,1795295267001,1795295267253,'done');
CREATE TABLE batch_image (
  batch_id TEXT NOT NULL REFERENCES batch (id),
  stage INTEGER NOT NULL CHECK (stage >= 1),
  region TEXT NOT NULL, address INTEGER NOT NULL, file_name TEXT,
  version INTEGER, platform_id INTEGER,
  size INTEGER NOT NULL, sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  PRIMARY KEY (batch_id, stage, region)
) STRICT;
INSERT INTO batch_image VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',1,'user',134238208,'core-user.bin',1406,0,98932,'6a99a3602e58962d551ce1f28d5fb13596b838856505c471c1cf194053f79000');
INSERT INTO batch_image VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',1,'factory',131072,'core-factory.bin',1401,0,91204,'8799c94820339792eec345baf78bf50d2ffe7055cfd55356f77228e7d0284e4d');
INSERT INTO batch_image VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',1,'server_key',4096,'cloud-rsa.pub.der',NULL,NULL,2048,'7b255753d571b49e6b0735d1f0a9f51f0b45aa8d554fee6634813c9a8a46576d');
CREATE TABLE line_stop (
  id INTEGER PRIMARY KEY, batch_id TEXT NOT NULL REFERENCES batch (id),
  from_at INTEGER NOT NULL, to_at INTEGER, why TEXT NOT NULL
) STRICT;
CREATE TABLE unit_mark (
  id INTEGER PRIMARY KEY, device_id TEXT NOT NULL CHECK (length(device_id) = 24 AND device_id NOT GLOB '*[^0-9a-f]*'),
  mark TEXT NOT NULL CHECK (mark IN ('scrap', 'quarantine', 'released', 'needs-repair')),
  note TEXT, operator TEXT, at INTEGER NOT NULL,
  passage INTEGER NOT NULL CHECK (passage >= 0)
) STRICT;
CREATE TABLE attempt (
  id TEXT PRIMARY KEY NOT NULL,
  batch_id TEXT REFERENCES batch (id),
  kind TEXT NOT NULL CHECK (kind IN ('provision', 'reprovision', 'verify', 'diagnose', 'restore')),
  arrived_at INTEGER NOT NULL, slot TEXT, usb_path TEXT, usb_serial TEXT,
  device_id TEXT CHECK (length(device_id) = 24 AND device_id NOT GLOB '*[^0-9a-f]*'),
  device_id_source TEXT, passage INTEGER CHECK (passage >= 1),
  previous_attempt_id TEXT REFERENCES attempt (id),
  bootloader_version TEXT, key_fingerprint TEXT REFERENCES device_key (fingerprint),
  operator TEXT, started_at INTEGER NOT NULL, ended_at INTEGER, final_at INTEGER,
  outcome TEXT CHECK (outcome IN ('PASS', 'HELD', 'FAIL', 'SKIPPED', 'REFUSED', 'ABORTED', 'INTERRUPTED')),
  reason TEXT, cause TEXT CHECK (cause IN ('unit', 'handling', 'station', 'service', 'job')),
  detail TEXT, retries INTEGER CHECK (retries >= 0), failed_step TEXT, enrol_proof TEXT CHECK (enrol_proof IN ('acknowledged', 'read-back')),
  CHECK ((device_id IS NULL) = (passage IS NULL)),
  CHECK ((ended_at IS NULL) = (outcome IS NULL)),
  CHECK ((final_at IS NULL) = (outcome IS NULL OR outcome = 'HELD')),
  CHECK (outcome IS NULL OR (outcome = 'PASS') = (reason IS NULL))
) STRICT;
INSERT INTO attempt VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa','01a1ffef-c8b9-718e-8fcc-ea590c232b2e','provision',1795295267005,'A1','1-1','BE0992C81A90','3ef410bb5543901a8a9ef802','scan',1,NULL,NULL,'84820484a6dffa529bd23decaf0f58a95abfbddb7fb02324e817b1247501ff8b',NULL,1795295267005,1795295267222,1795295267222,'PASS',NULL,NULL,NULL,0,NULL,'read-back');
INSERT INTO attempt VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48','01a1ffef-c8b9-718e-8fcc-ea590c232b2e','provision',1795295267006,'A2','1-2','1061070A103F','9c9b925d0a423f106e6bceb2','scan',1,NULL,NULL,'692de90171bd9171859be61c22eddec7e0d26a6b5721706bc83b670e9b08a347',NULL,1795295267011,1795295267226,1795295267226,'PASS',NULL,NULL,NULL,0,NULL,'read-back');
INSERT INTO attempt VALUES('01a1ffef-c9f0-7730-9e3b-6ec076d705b2',NULL,'diagnose',1795295267312,'A1','1-1','BE0992C81A90','3ef410bb5543901a8a9ef802','scan',2,'01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',NULL,NULL,NULL,1795295267312,1795295267368,1795295267368,'PASS',NULL,NULL,NULL,0,NULL,NULL);
CREATE TABLE attempt_identity (
  attempt_id TEXT NOT NULL REFERENCES attempt (id),
  kind TEXT NOT NULL CHECK (kind IN ('usb-serial', 'dct', 'listening', 'scan', 'board-serial', 'rma')),
  value TEXT NOT NULL,
  PRIMARY KEY (attempt_id, kind, value)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt_identity VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa','scan','3ef410bb5543901a8a9ef802');
INSERT INTO attempt_identity VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa','usb-serial','BE0992C81A90');
INSERT INTO attempt_identity VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48','scan','9c9b925d0a423f106e6bceb2');
INSERT INTO attempt_identity VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48','usb-serial','1061070A103F');
INSERT INTO attempt_identity VALUES('01a1ffef-c9f0-7730-9e3b-6ec076d705b2','scan','3ef410bb5543901a8a9ef802');
INSERT INTO attempt_identity VALUES('01a1ffef-c9f0-7730-9e3b-6ec076d705b2','usb-serial','BE0992C81A90');
CREATE TABLE observation (
  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL,
  name TEXT NOT NULL, value TEXT,
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE step (
  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL CHECK (seq >= 1),
  name TEXT NOT NULL, try INTEGER NOT NULL CHECK (try >= 1),
  started_at INTEGER NOT NULL, ended_at INTEGER,
  outcome TEXT CHECK (outcome IN ('PASS', 'FAIL', 'SKIPPED', 'ABORTED', 'INTERRUPTED')),
  reason TEXT, detail TEXT,
  PRIMARY KEY (attempt_id, seq),
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',1,'identify',1,1795295267013,1795295267031,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',2,'check',1,1795295267033,1795295267049,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',3,'server-key',1,1795295267053,1795295267058,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',4,'device-key',1,1795295267060,1795295267132,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',5,'prove-key',1,1795295267134,1795295267162,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',6,'enrol',1,1795295267164,1795295267168,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',7,'write-images',1,1795295267172,1795295267177,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',8,'readback',1,1795295267178,1795295267199,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',9,'enrolled',1,1795295267206,1795295267215,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',10,'leave',1,1795295267216,1795295267218,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',1,'identify',1,1795295267015,1795295267041,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',2,'check',1,1795295267048,1795295267054,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',3,'server-key',1,1795295267057,1795295267063,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',4,'device-key',1,1795295267069,1795295267130,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',5,'prove-key',1,1795295267131,1795295267154,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',6,'enrol',1,1795295267168,1795295267173,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',7,'write-images',1,1795295267174,1795295267184,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',8,'readback',1,1795295267191,1795295267213,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',9,'enrolled',1,1795295267216,1795295267218,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c8be-7d43-b2ad-492df76efd48',10,'leave',1,1795295267221,1795295267224,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c9f0-7730-9e3b-6ec076d705b2',1,'identify',1,1795295267314,1795295267318,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1ffef-c9f0-7730-9e3b-6ec076d705b2',2,'backup',1,1795295267318,1795295267366,'PASS',NULL,NULL);
CREATE TABLE finding (
  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL CHECK (seq >= 1),
  subject TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('good', 'note', 'fault', 'unknown')),
  reason TEXT, detail TEXT,
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE backup (
  id TEXT PRIMARY KEY NOT NULL, attempt_id TEXT NOT NULL REFERENCES attempt (id),
  device_id TEXT, at INTEGER NOT NULL, region TEXT NOT NULL, alt INTEGER, address INTEGER,
  size INTEGER NOT NULL, sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  path TEXT NOT NULL, file_sha256 TEXT, recipients TEXT, operator TEXT, note TEXT
, keep_until INTEGER) STRICT;
INSERT INTO backup VALUES('01a1ffef-ca24-7e6e-bc97-1f5215a3f90e','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'bootloader',0,134217728,19456,'81f0505facdc399f5c557124961fddc27aa66dfef7fcf59973e5179f028da495','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-792c-91af-0aa8c3f16a65','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'system-flags',0,134237184,1024,'2d885faca1961a093da404d69f123decafb8a1233c3668f4b0ddeb6e1e16e7c9','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-7a23-a21f-5c05ec6a150f','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'user',0,134238208,110592,'de65747dfb2ccd741a07fc321bc9663923731669f7b13cf59cfbcc45753920af','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-72fc-b2b2-372477c11b99','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'spi-reserved',1,0,4096,'f47a8ec3e9aff2318d896942282ad4fe37d6391c82914f54a5da8a37de1300c6','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-7902-8535-4278ef1f45b6','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'server-key-sector',1,4096,4096,'57bfdeaeb42281f081a197c45d225a6eef73f12450e3ff6a9ec3d5ae9499322a','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-715c-b6b1-6d803a990ba8','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'device-key-sector',1,8192,4096,'67b36ecbd1be0bba8a76219e304271fc3d86da5c8dc6df0baaf0f499162c7276','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-7dd1-9ca9-3f2bbc3529dd','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'spi-unassigned',1,12288,118784,'4930ea8200e28e332a2a9ce942929c22cdf48cb825e37bf3a7b281c93043111b','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-716f-9adc-8bf473a399d3','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'factory',1,131072,131072,'bd26d3e93eeb774bfe70f27d3fb933f230e735bc56e22addbe7011157575ac57','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-7001-8ce3-2a715841b892','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'backup',1,262144,131072,'b5a41c3758763bbec72769fab4a2533bf2db0b6312d93d25a695f9e4b9e02260','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-71b8-8056-4c9f51986ae5','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'ota',1,393216,131072,'b5a41c3758763bbec72769fab4a2533bf2db0b6312d93d25a695f9e4b9e02260','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
INSERT INTO backup VALUES('01a1ffef-ca25-701b-91f0-b78920784a53','01a1ffef-c9f0-7730-9e3b-6ec076d705b2','3ef410bb5543901a8a9ef802',1795295267318,'spi-user',1,524288,1572864,'852aad42795f401e21ded6e51fc392da9d94e2f386cacc08327046c319e903fc','backups/3ef410bb5543901a8a9ef802/20261121T210747Z-01a1ffef-c9f0-7730-9e3b-6ec076d705b2.station-backup','9795f382c09ae54c8e317216ee489036a28a751f1469b55694ddcabc321a65c0','13a1db23aa8a34876b4d60b5e092c50a635b23c811135c366e1d876aee8aba35',NULL,NULL,1826831267318);
CREATE TABLE device_key (
  fingerprint TEXT PRIMARY KEY NOT NULL CHECK (length(fingerprint) = 64 AND fingerprint NOT GLOB '*[^0-9a-f]*'),
  device_id TEXT CHECK (length(device_id) = 24 AND device_id NOT GLOB '*[^0-9a-f]*'),
  attempt_id TEXT REFERENCES attempt (id),
  algorithm TEXT NOT NULL, public_key_pem TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('intended', 'on-device', 'enrolled', 'superseded', 'abandoned')),
  intended_at INTEGER, on_device_at INTEGER, enrolled_at INTEGER, retired_at INTEGER,
  enrol_proof TEXT CHECK (enrol_proof IN ('acknowledged', 'read-back')),
  CHECK ((enrolled_at IS NULL) = (enrol_proof IS NULL)),
  CHECK (state <> 'enrolled' OR (enrolled_at IS NOT NULL AND on_device_at IS NOT NULL)),
  CHECK (state <> 'on-device' OR on_device_at IS NOT NULL),
  CHECK ((state IN ('superseded', 'abandoned')) = (retired_at IS NOT NULL))
) STRICT;
INSERT INTO device_key VALUES('84820484a6dffa529bd23decaf0f58a95abfbddb7fb02324e817b1247501ff8b','3ef410bb5543901a8a9ef802','01a1ffef-c8bd-7bd1-8fef-782191d0bdaa','rsa-1024',replace('-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCps1yJPJnX3eRQqWOl/iis6x1T\nYaC1az+eL6DS/ENya20azo3p6CAlXmPlYvmWFQ311W9AXzIvWC7EzGC8ymlpPsHk\nN84MyvgmZSgTpzO28HuE+EszVeRhWY6T2L7fy/4bM3Nd2UhmLJ4uSr68MjBiv838\nZKd72KOxCiUsHrDnhwIDAQAB\n-----END PUBLIC KEY-----\n','\n',char(10)),'enrolled',1795295267121,1795295267153,1795295267212,NULL,'read-back');
INSERT INTO device_key VALUES('692de90171bd9171859be61c22eddec7e0d26a6b5721706bc83b670e9b08a347','9c9b925d0a423f106e6bceb2','01a1ffef-c8be-7d43-b2ad-492df76efd48','rsa-1024',replace('-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDExYRAxfapYh7CK5OCL+fuNQiW\na8eZ9ClgKSrBZRXzB7AyUr+SVB936PvUSqeSEM0jvrhTwxKFwY2B2RBAks/WM9eG\nKc7KUGjEf8scyMsJSfYZLVvTfHjNykb0sLOf54zOGO+gd1IsT80oqPNSOyz3RQyc\n4VyfveYYerovhD6qDQIDAQAB\n-----END PUBLIC KEY-----\n','\n',char(10)),'enrolled',1795295267129,1795295267153,1795295267217,NULL,'read-back');
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  attempt_id TEXT NOT NULL REFERENCES attempt (id),
  device_id TEXT NOT NULL, fingerprint TEXT NOT NULL REFERENCES device_key (fingerprint),
  cloud TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('due', 'in-flight', 'acknowledged', 'refused', 'closed')),
  tries INTEGER NOT NULL CHECK (tries >= 0), next_at INTEGER, last_error TEXT,
  http_status INTEGER, done_at INTEGER,
  CHECK ((state IN ('due', 'in-flight')) = (done_at IS NULL))
) STRICT;
INSERT INTO outbox VALUES(1,'01a1ffef-c8be-7d43-b2ad-492df76efd48','9c9b925d0a423f106e6bceb2','692de90171bd9171859be61c22eddec7e0d26a6b5721706bc83b670e9b08a347','main','acknowledged',1,NULL,NULL,200,1795295267217);
INSERT INTO outbox VALUES(2,'01a1ffef-c8bd-7bd1-8fef-782191d0bdaa','3ef410bb5543901a8a9ef802','84820484a6dffa529bd23decaf0f58a95abfbddb7fb02324e817b1247501ff8b','main','acknowledged',1,NULL,NULL,200,1795295267212);
CREATE TABLE seal (
  seq INTEGER PRIMARY KEY CHECK (seq >= 1),
  attempt_id TEXT NOT NULL UNIQUE REFERENCES attempt (id),
  prev TEXT, hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
  signature TEXT CHECK (length(signature) = 128 AND signature NOT GLOB '*[^0-9a-f]*'), at INTEGER NOT NULL
) STRICT;
INSERT INTO seal VALUES(1,'01a1ffef-c8bd-7bd1-8fef-782191d0bdaa',NULL,'bddc9539c65a065af5ddb4161001c8ee12947aef39a1462494e79b5b3a1f8f4f',NULL,1795295267223);
INSERT INTO seal VALUES(2,'01a1ffef-c8be-7d43-b2ad-492df76efd48','bddc9539c65a065af5ddb4161001c8ee12947aef39a1462494e79b5b3a1f8f4f','19c6e0b442b173d5d26043e2ebc3032f9ccd481c1b45642095442b710d9750ed',NULL,1795295267226);
INSERT INTO seal VALUES(3,'01a1ffef-c9f0-7730-9e3b-6ec076d705b2','19c6e0b442b173d5d26043e2ebc3032f9ccd481c1b45642095442b710d9750ed','caccd634f80d1b3f27ee3c0caddb1b5e359902129b0599d44d213880ef2bd5d7',NULL,1795295267368);
CREATE TABLE step_sum (
  batch_id TEXT NOT NULL REFERENCES batch (id), hour INTEGER NOT NULL,
  step TEXT NOT NULL, place INTEGER NOT NULL CHECK (place >= 1),
  passed_first INTEGER NOT NULL CHECK (passed_first >= 0),
  passed_later INTEGER NOT NULL CHECK (passed_later >= 0),
  failed INTEGER NOT NULL CHECK (failed >= 0), tries INTEGER NOT NULL CHECK (tries >= 1),
  times BLOB NOT NULL, PRIMARY KEY (batch_id, hour, step)
) STRICT, WITHOUT ROWID;
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'check',2,2,0,0,2,X'000600000001001000000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'device-key',4,2,0,0,2,X'003d00000001004800000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'enrol',6,2,0,0,2,X'000400000001000500000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'enrolled',9,2,0,0,2,X'000200000001000900000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'identify',1,2,0,0,2,X'001200000001001a00000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'leave',10,2,0,0,2,X'000200000001000300000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'prove-key',5,2,0,0,2,X'001700000001001c00000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'readback',8,2,0,0,2,X'001500000001001600000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'server-key',3,2,0,0,2,X'000500000001000600000001');
INSERT INTO step_sum VALUES('01a1ffef-c8b9-718e-8fcc-ea590c232b2e',498693,'write-images',7,2,0,0,2,X'000500000001000a00000001');
CREATE TABLE backup_removed (path TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL, why TEXT NOT NULL) STRICT;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('outbox',2);
CREATE INDEX batch_work_order ON batch (work_order);
CREATE INDEX unit_mark_device ON unit_mark (device_id);
CREATE UNIQUE INDEX attempt_open ON attempt (device_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempt_passage ON attempt (device_id, passage) WHERE device_id IS NOT NULL;
CREATE INDEX attempt_live ON attempt (outcome) WHERE outcome IS NULL OR outcome = 'HELD';
CREATE INDEX backup_device ON backup (device_id);
CREATE INDEX device_key_device ON device_key (device_id);
CREATE UNIQUE INDEX outbox_live ON outbox (device_id) WHERE state IN ('due', 'in-flight');
CREATE INDEX outbox_attempt ON outbox (attempt_id);
CREATE TRIGGER meta_is_kept BEFORE DELETE ON meta BEGIN SELECT RAISE(ABORT, 'meta rows are never deleted'); END;
CREATE TRIGGER batch_is_kept BEFORE DELETE ON batch BEGIN SELECT RAISE(ABORT, 'batch rows are never deleted'); END;
CREATE TRIGGER batch_image_is_kept BEFORE DELETE ON batch_image BEGIN SELECT RAISE(ABORT, 'batch_image rows are never deleted'); END;
CREATE TRIGGER line_stop_is_kept BEFORE DELETE ON line_stop BEGIN SELECT RAISE(ABORT, 'line_stop rows are never deleted'); END;
CREATE TRIGGER unit_mark_is_kept BEFORE DELETE ON unit_mark BEGIN SELECT RAISE(ABORT, 'unit_mark rows are never deleted'); END;
CREATE TRIGGER batch_image_is_constant BEFORE UPDATE ON batch_image BEGIN SELECT RAISE(ABORT, 'batch_image rows never change'); END;
CREATE TRIGGER unit_mark_is_constant BEFORE UPDATE ON unit_mark BEGIN SELECT RAISE(ABORT, 'unit_mark rows never change'); END;
CREATE TRIGGER batch_not_twice BEFORE INSERT ON batch WHEN EXISTS (SELECT 1 FROM batch WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'this batch row exists'); END;
CREATE TRIGGER unit_mark_not_twice BEFORE INSERT ON unit_mark WHEN EXISTS (SELECT 1 FROM unit_mark WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'this unit_mark row exists'); END;
CREATE TRIGGER meta_kind BEFORE UPDATE ON meta WHEN OLD.key = 'virtual' OR NEW.key <> OLD.key BEGIN SELECT RAISE(ABORT, 'a database stays virtual or real'); END;
CREATE TRIGGER meta_not_twice BEFORE INSERT ON meta WHEN EXISTS (SELECT 1 FROM meta WHERE key = NEW.key) BEGIN SELECT RAISE(ABORT, 'this meta row exists'); END;
CREATE TRIGGER batch_ends_once BEFORE UPDATE ON batch WHEN OLD.ended_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the batch has ended'); END;
CREATE TRIGGER batch_stays BEFORE UPDATE OF id, kind, job_name, job_text, plan_sha256, family, family_sha256, config_sha256, cloud, work_order, part_number, part_revision, operator, station_id, software_version, quantity, started_at ON batch BEGIN SELECT RAISE(ABORT, 'of a batch only its end is written later'); END;
CREATE TRIGGER batch_image_first BEFORE INSERT ON batch_image WHEN EXISTS (SELECT 1 FROM attempt WHERE batch_id = NEW.batch_id) BEGIN SELECT RAISE(ABORT, 'the batch has attempts already'); END;
CREATE TRIGGER line_stop_ends_once BEFORE UPDATE ON line_stop WHEN OLD.to_at IS NOT NULL OR (NEW.id, NEW.batch_id, NEW.from_at, NEW.why) IS NOT (OLD.id, OLD.batch_id, OLD.from_at, OLD.why) BEGIN SELECT RAISE(ABORT, 'of a stop only its end is written later'); END;
CREATE TRIGGER attempt_is_kept BEFORE DELETE ON attempt BEGIN SELECT RAISE(ABORT, 'attempt rows are never deleted'); END;
CREATE TRIGGER attempt_identity_is_kept BEFORE DELETE ON attempt_identity BEGIN SELECT RAISE(ABORT, 'attempt_identity rows are never deleted'); END;
CREATE TRIGGER observation_is_kept BEFORE DELETE ON observation BEGIN SELECT RAISE(ABORT, 'observation rows are never deleted'); END;
CREATE TRIGGER step_is_kept BEFORE DELETE ON step BEGIN SELECT RAISE(ABORT, 'step rows are never deleted'); END;
CREATE TRIGGER finding_is_kept BEFORE DELETE ON finding BEGIN SELECT RAISE(ABORT, 'finding rows are never deleted'); END;
CREATE TRIGGER backup_is_kept BEFORE DELETE ON backup BEGIN SELECT RAISE(ABORT, 'backup rows are never deleted'); END;
CREATE TRIGGER attempt_identity_is_constant BEFORE UPDATE ON attempt_identity BEGIN SELECT RAISE(ABORT, 'attempt_identity rows never change'); END;
CREATE TRIGGER observation_is_constant BEFORE UPDATE ON observation BEGIN SELECT RAISE(ABORT, 'observation rows never change'); END;
CREATE TRIGGER finding_is_constant BEFORE UPDATE ON finding BEGIN SELECT RAISE(ABORT, 'finding rows never change'); END;
CREATE TRIGGER backup_is_constant BEFORE UPDATE ON backup BEGIN SELECT RAISE(ABORT, 'backup rows never change'); END;
CREATE TRIGGER attempt_identity_while_open BEFORE INSERT ON attempt_identity WHEN (SELECT ended_at FROM attempt WHERE id = NEW.attempt_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the attempt is finished'); END;
CREATE TRIGGER observation_while_open BEFORE INSERT ON observation WHEN (SELECT ended_at FROM attempt WHERE id = NEW.attempt_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the attempt is finished'); END;
CREATE TRIGGER step_while_open BEFORE INSERT ON step WHEN (SELECT ended_at FROM attempt WHERE id = NEW.attempt_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the attempt is finished'); END;
CREATE TRIGGER finding_while_open BEFORE INSERT ON finding WHEN (SELECT ended_at FROM attempt WHERE id = NEW.attempt_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the attempt is finished'); END;
CREATE TRIGGER attempt_not_twice BEFORE INSERT ON attempt WHEN EXISTS (SELECT 1 FROM attempt WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'this attempt row exists'); END;
CREATE TRIGGER observation_not_twice BEFORE INSERT ON observation WHEN EXISTS (SELECT 1 FROM observation WHERE attempt_id = NEW.attempt_id AND seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'this observation row exists'); END;
CREATE TRIGGER step_not_twice BEFORE INSERT ON step WHEN EXISTS (SELECT 1 FROM step WHERE attempt_id = NEW.attempt_id AND seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'this step row exists'); END;
CREATE TRIGGER backup_not_twice BEFORE INSERT ON backup WHEN EXISTS (SELECT 1 FROM backup WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'this backup row exists'); END;
CREATE TRIGGER attempt_begins_open BEFORE INSERT ON attempt WHEN NEW.ended_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'an attempt begins open'); END;
CREATE TRIGGER attempt_stays BEFORE UPDATE OF id, batch_id, kind, arrived_at, slot, usb_path, usb_serial, operator, started_at ON attempt BEGIN SELECT RAISE(ABORT, 'how an attempt began does not change'); END;
CREATE TRIGGER attempt_device_once BEFORE UPDATE OF device_id, device_id_source, passage, previous_attempt_id ON attempt WHEN OLD.device_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the device id is set once'); END;
CREATE TRIGGER attempt_pass_enrolled BEFORE UPDATE OF outcome ON attempt WHEN NEW.outcome = 'PASS' AND EXISTS (SELECT 1 FROM outbox WHERE attempt_id = NEW.id AND state NOT IN ('acknowledged', 'closed')) BEGIN SELECT RAISE(ABORT, 'PASS needs an acknowledged enrolment'); END;
CREATE TRIGGER step_ends_once BEFORE UPDATE ON step WHEN OLD.ended_at IS NOT NULL OR (SELECT ended_at FROM attempt WHERE id = OLD.attempt_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a finished step does not change'); END;
CREATE TRIGGER step_stays BEFORE UPDATE OF attempt_id, seq, name, try, started_at ON step BEGIN SELECT RAISE(ABORT, 'how a step began does not change'); END;
CREATE TRIGGER device_key_is_kept BEFORE DELETE ON device_key BEGIN SELECT RAISE(ABORT, 'device_key rows are never deleted'); END;
CREATE TRIGGER outbox_is_kept BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'outbox rows are never deleted'); END;
CREATE TRIGGER seal_is_kept BEFORE DELETE ON seal BEGIN SELECT RAISE(ABORT, 'seal rows are never deleted'); END;
CREATE TRIGGER seal_is_constant BEFORE UPDATE ON seal BEGIN SELECT RAISE(ABORT, 'seal rows never change'); END;
CREATE TRIGGER device_key_not_twice BEFORE INSERT ON device_key WHEN EXISTS (SELECT 1 FROM device_key WHERE fingerprint = NEW.fingerprint) BEGIN SELECT RAISE(ABORT, 'this device_key row exists'); END;
CREATE TRIGGER outbox_not_twice BEFORE INSERT ON outbox WHEN EXISTS (SELECT 1 FROM outbox WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'this outbox row exists'); END;
CREATE TRIGGER device_key_stays BEFORE UPDATE OF fingerprint, device_id, attempt_id, algorithm, public_key_pem, intended_at ON device_key BEGIN SELECT RAISE(ABORT, 'a key stays whose it is'); END;
CREATE TRIGGER outbox_stays BEFORE UPDATE OF id, attempt_id, device_id, fingerprint, cloud ON outbox BEGIN SELECT RAISE(ABORT, 'what is to be sent does not change'); END;
CREATE TRIGGER outbox_done BEFORE UPDATE OF state, tries, next_at, done_at ON outbox WHEN OLD.done_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'this enrolment is over'); END;
CREATE TRIGGER seal_chain BEFORE INSERT ON seal WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM seal) OR NEW.prev IS NOT (SELECT hash FROM seal ORDER BY seq DESC LIMIT 1) BEGIN SELECT RAISE(ABORT, 'a seal continues the chain'); END;
CREATE TRIGGER seal_final BEFORE INSERT ON seal WHEN (SELECT final_at FROM attempt WHERE id = NEW.attempt_id) IS NULL BEGIN SELECT RAISE(ABORT, 'only a final outcome is sealed'); END;
CREATE INDEX attempt_figures ON attempt (batch_id, started_at, id, kind, arrived_at, ended_at, slot, device_id, outcome, reason, cause, operator, retries, failed_step, enrol_proof);
CREATE INDEX device_key_retired ON device_key (attempt_id, state) WHERE retired_at IS NOT NULL;
CREATE TRIGGER step_sum_is_kept BEFORE DELETE ON step_sum BEGIN SELECT RAISE(ABORT, 'step_sum rows are never deleted'); END;
CREATE TRIGGER attempt_finished BEFORE UPDATE ON attempt WHEN OLD.ended_at IS NOT NULL AND NOT (OLD.outcome = 'HELD' AND NEW.outcome IN ('PASS', 'FAIL')) BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;
CREATE TRIGGER attempt_held BEFORE UPDATE OF device_id, device_id_source, passage, previous_attempt_id, bootloader_version, key_fingerprint, ended_at, retries, failed_step ON attempt WHEN OLD.ended_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'of a held attempt only the outcome changes'); END;
CREATE TRIGGER backup_removed_is_kept BEFORE DELETE ON backup_removed BEGIN SELECT RAISE(ABORT, 'backup_removed rows are never deleted'); END;
CREATE TRIGGER backup_removed_is_constant BEFORE UPDATE ON backup_removed BEGIN SELECT RAISE(ABORT, 'backup_removed rows never change'); END;
CREATE TRIGGER backup_removed_not_twice BEFORE INSERT ON backup_removed WHEN EXISTS (SELECT 1 FROM backup_removed WHERE path = NEW.path) BEGIN SELECT RAISE(ABORT, 'this backup_removed row exists'); END;
COMMIT;
