PRAGMA application_id = 1398033969;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES('schema_version','1');
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
INSERT INTO batch VALUES('01a1fe52-e232-7898-ba78-117115eb6d79','provision','core-tinker',replace('\njob : {\n	name = "core-tinker";\n\n	family = "core";\n\n	part_number   = "";\n	part_revision = "";\n\n	quantity = 0;\n\n	images = (\n		{ region = "user";    file = "images/core-user.bin"; },\n		{ region = "factory"; file = "images/core-factory.bin"; }\n	);\n\n	device_key : { slot = "device-rsa"; policy = "new"; };\n\n	server_key : { slot = "server-rsa"; file = "cloud-rsa.pub.der"; host = "device.example.com"; port = 5683; };\n\n	enrol : { cloud = "main"; product_id = ""; };\n\n	write = "always";\n\n	after = "leave";\n\n	limits : {\n		retries = 2;\n		attempts_per_unit = 2;\n		attempt_timeout_ms = 600000;\n		stop_after_failures = 5;\n		slot_stop_after = 3;\n		min_yield = 0.0;\n		min_yield_units = 20;\n	};\n};\n','\n',char(10)),'a7aef83d6fdc25c4438e696e539bf058649db10a28d866345b8da1cacb4b0063','core','c952397c818b48cfebf7285ce2787e09b0335e69906a2ee9427db08977410de3','dd47e523e94d0d3b8b40ee66a135e1605df9d95053ae35068a2938e0d9661fc4','main','W1',NULL,NULL,'Jörg','bench-1','0.1.0',0,1795268207154,1795268207567,'done');
INSERT INTO batch VALUES('01a1fe52-e410-715a-8528-286b689d99ca','provision','core-tinker',replace('\njob : {\n	name = "core-tinker";\n\n	family = "core";\n\n	part_number   = "";\n	part_revision = "";\n\n	quantity = 0;\n\n	images = (\n		{ region = "user";    file = "images/core-user.bin"; },\n		{ region = "factory"; file = "images/core-factory.bin"; }\n	);\n\n	device_key : { slot = "device-rsa"; policy = "new"; };\n\n	server_key : { slot = "server-rsa"; file = "cloud-rsa.pub.der"; host = "device.example.com"; port = 5683; };\n\n	enrol : { cloud = "main"; product_id = ""; };\n\n	write = "always";\n\n	after = "leave";\n\n	limits : {\n		retries = 2;\n		attempts_per_unit = 2;\n		attempt_timeout_ms = 600000;\n		stop_after_failures = 5;\n		slot_stop_after = 3;\n		min_yield = 0.0;\n		min_yield_units = 20;\n	};\n};\n','\n',char(10)),'a7aef83d6fdc25c4438e696e539bf058649db10a28d866345b8da1cacb4b0063','core','c952397c818b48cfebf7285ce2787e09b0335e69906a2ee9427db08977410de3','dd47e523e94d0d3b8b40ee66a135e1605df9d95053ae35068a2938e0d9661fc4','main',NULL,NULL,NULL,NULL,'bench-1','0.1.0',0,1795268207632,1795268208531,'done');
CREATE TABLE batch_image (
  batch_id TEXT NOT NULL REFERENCES batch (id),
  stage INTEGER NOT NULL CHECK (stage >= 1),
  region TEXT NOT NULL, address INTEGER NOT NULL, file_name TEXT,
  version INTEGER, platform_id INTEGER,
  size INTEGER NOT NULL, sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  PRIMARY KEY (batch_id, stage, region)
) STRICT;
INSERT INTO batch_image VALUES('01a1fe52-e232-7898-ba78-117115eb6d79',1,'user',134238208,'core-user.bin',1406,0,98932,'6a99a3602e58962d551ce1f28d5fb13596b838856505c471c1cf194053f79000');
INSERT INTO batch_image VALUES('01a1fe52-e232-7898-ba78-117115eb6d79',1,'factory',131072,'core-factory.bin',1401,0,91204,'8799c94820339792eec345baf78bf50d2ffe7055cfd55356f77228e7d0284e4d');
INSERT INTO batch_image VALUES('01a1fe52-e232-7898-ba78-117115eb6d79',1,'server_key',4096,'cloud-rsa.pub.der',NULL,NULL,2048,'7b255753d571b49e6b0735d1f0a9f51f0b45aa8d554fee6634813c9a8a46576d');
INSERT INTO batch_image VALUES('01a1fe52-e410-715a-8528-286b689d99ca',1,'user',134238208,'core-user.bin',1406,0,98932,'6a99a3602e58962d551ce1f28d5fb13596b838856505c471c1cf194053f79000');
INSERT INTO batch_image VALUES('01a1fe52-e410-715a-8528-286b689d99ca',1,'factory',131072,'core-factory.bin',1401,0,91204,'8799c94820339792eec345baf78bf50d2ffe7055cfd55356f77228e7d0284e4d');
INSERT INTO batch_image VALUES('01a1fe52-e410-715a-8528-286b689d99ca',1,'server_key',4096,'cloud-rsa.pub.der',NULL,NULL,2048,'7b255753d571b49e6b0735d1f0a9f51f0b45aa8d554fee6634813c9a8a46576d');
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
  detail TEXT,
  CHECK ((device_id IS NULL) = (passage IS NULL)),
  CHECK ((ended_at IS NULL) = (outcome IS NULL)),
  CHECK ((final_at IS NULL) = (outcome IS NULL OR outcome = 'HELD')),
  CHECK (outcome IS NULL OR (outcome = 'PASS') = (reason IS NULL))
) STRICT;
INSERT INTO attempt VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d','01a1fe52-e232-7898-ba78-117115eb6d79','provision',1795268207160,'A1','1-1','BE0992C81A90','3ef410bb5543901a8a9ef802','scan',1,NULL,NULL,'ddb675fdb03e0418da8de321d8497a0e31398f863caf0d2581947301f591b87f','Jörg',1795268207160,1795268207552,1795268207552,'PASS',NULL,NULL,NULL);
INSERT INTO attempt VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5','01a1fe52-e232-7898-ba78-117115eb6d79','provision',1795268207161,'A2','1-2','1061070A103F','9c9b925d0a423f106e6bceb2','scan',1,NULL,NULL,'c248831d760e02a6ad7cc08e6d48dd93935590fd00e74e6ffac6c189b8d62c8a','Jörg',1795268207161,1795268207546,1795268207546,'PASS',NULL,NULL,NULL);
INSERT INTO attempt VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2','01a1fe52-e232-7898-ba78-117115eb6d79','provision',1795268207161,'A3','1-3','A572F2AB3E73','4b5f6f410fd4733e60930364','scan',1,NULL,NULL,'4b3d0e72e9f969cd31fc3c7a325e3a82c8613138d61907808d896e270d9567e2','Jörg',1795268207163,1795268207536,1795268207536,'FAIL','flash-bad','unit','readback: alt 0: 0x08005000: expected 00, found ff; 1020 bytes differ');
INSERT INTO attempt VALUES('01a1fe52-e415-78e3-b6b4-627f3136c485','01a1fe52-e410-715a-8528-286b689d99ca','provision',1795268207637,'A2','1-2','1061070A103F','9c9b925d0a423f106e6bceb2','scan',2,'01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',NULL,NULL,NULL,1795268207637,1795268207731,1795268207731,'SKIPPED','already-made',NULL,'PASS under this plan since attempt 01a1fe52-e239-7a61-9fb3-07ffe5aba6d5');
INSERT INTO attempt VALUES('01a1fe52-e416-755b-9c63-d7f404506efa','01a1fe52-e410-715a-8528-286b689d99ca','provision',1795268207638,'A3','1-3','A572F2AB3E73','4b5f6f410fd4733e60930364','scan',2,'01a1fe52-e239-7e86-8a8e-898d60237dd2',NULL,'1e789e4f7292baeac4a2b78365be652feb4201d04709b8f41d8370df1d3d318f',NULL,1795268207640,1795268208402,NULL,'HELD','cloud-unreachable','service','the cloud has not acknowledged the key');
INSERT INTO attempt VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc','01a1fe52-e410-715a-8528-286b689d99ca','provision',1795268207638,'A4','1-4','5065F302F4F1E8B00C0C2978','5065f302f4f1e8b00c0c2978','usb-serial',1,NULL,NULL,'fe2dc2f670c3b92885296586860011d9889f8dae168129bf90e9444ec842af02',NULL,1795268207642,1795268208496,NULL,'HELD','cloud-unreachable','service','the cloud has not acknowledged the key');
INSERT INTO attempt VALUES('01a1fe52-e416-77b1-a320-0a6702606fd1','01a1fe52-e410-715a-8528-286b689d99ca','provision',1795268207638,'A1','1-1','BE0992C81A90','3ef410bb5543901a8a9ef802','scan',2,'01a1fe52-e238-7d1e-a938-2ac6d902241d',NULL,NULL,NULL,1795268207647,1795268207714,1795268207714,'SKIPPED','already-made',NULL,'PASS under this plan since attempt 01a1fe52-e238-7d1e-a938-2ac6d902241d');
CREATE TABLE attempt_identity (
  attempt_id TEXT NOT NULL REFERENCES attempt (id),
  kind TEXT NOT NULL CHECK (kind IN ('usb-serial', 'dct', 'listening', 'scan', 'board-serial', 'rma')),
  value TEXT NOT NULL,
  PRIMARY KEY (attempt_id, kind, value)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt_identity VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d','scan','3ef410bb5543901a8a9ef802');
INSERT INTO attempt_identity VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d','usb-serial','BE0992C81A90');
INSERT INTO attempt_identity VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5','scan','9c9b925d0a423f106e6bceb2');
INSERT INTO attempt_identity VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5','usb-serial','1061070A103F');
INSERT INTO attempt_identity VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2','scan','4b5f6f410fd4733e60930364');
INSERT INTO attempt_identity VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2','usb-serial','A572F2AB3E73');
INSERT INTO attempt_identity VALUES('01a1fe52-e415-78e3-b6b4-627f3136c485','scan','9c9b925d0a423f106e6bceb2');
INSERT INTO attempt_identity VALUES('01a1fe52-e415-78e3-b6b4-627f3136c485','usb-serial','1061070A103F');
INSERT INTO attempt_identity VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc','usb-serial','5065F302F4F1E8B00C0C2978');
INSERT INTO attempt_identity VALUES('01a1fe52-e416-755b-9c63-d7f404506efa','scan','4b5f6f410fd4733e60930364');
INSERT INTO attempt_identity VALUES('01a1fe52-e416-755b-9c63-d7f404506efa','usb-serial','A572F2AB3E73');
INSERT INTO attempt_identity VALUES('01a1fe52-e416-77b1-a320-0a6702606fd1','scan','3ef410bb5543901a8a9ef802');
INSERT INTO attempt_identity VALUES('01a1fe52-e416-77b1-a320-0a6702606fd1','usb-serial','BE0992C81A90');
CREATE TABLE observation (
  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL,
  name TEXT NOT NULL, value TEXT,
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO observation VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',1,'enrolment','the cloud gave no usable answer: Empty reply from server');
INSERT INTO observation VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',1,'enrolment','the cloud gave no usable answer: Empty reply from server');
CREATE TABLE step (
  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL CHECK (seq >= 1),
  name TEXT NOT NULL, try INTEGER NOT NULL CHECK (try >= 1),
  started_at INTEGER NOT NULL, ended_at INTEGER,
  outcome TEXT CHECK (outcome IN ('PASS', 'FAIL', 'SKIPPED', 'ABORTED', 'INTERRUPTED')),
  reason TEXT, detail TEXT,
  PRIMARY KEY (attempt_id, seq),
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',1,'identify',1,1795268207172,1795268207210,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',2,'check',1,1795268207229,1795268207242,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',3,'server-key',1,1795268207270,1795268207271,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',4,'device-key',1,1795268207280,1795268207408,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',5,'prove-key',1,1795268207412,1795268207454,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',6,'enrol',1,1795268207459,1795268207461,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',7,'write-images',1,1795268207484,1795268207488,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',8,'readback',1,1795268207493,1795268207505,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',9,'enrolled',1,1795268207506,1795268207533,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e238-7d1e-a938-2ac6d902241d',10,'leave',1,1795268207540,1795268207545,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',1,'identify',1,1795268207173,1795268207201,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',2,'check',1,1795268207202,1795268207209,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',3,'server-key',1,1795268207218,1795268207250,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',4,'device-key',1,1795268207260,1795268207352,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',5,'prove-key',1,1795268207361,1795268207413,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',6,'enrol',1,1795268207429,1795268207445,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',7,'write-images',1,1795268207448,1795268207449,'FAIL','usb-stall','alt 0: 0x08007400: erase: the unit could not do it: GET_STATUS: the unit at 1-2 refused request a1/03');
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',8,'write-images',2,1795268207454,1795268207464,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',9,'readback',1,1795268207464,1795268207512,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',10,'enrolled',1,1795268207513,1795268207532,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7a61-9fb3-07ffe5aba6d5',11,'leave',1,1795268207534,1795268207543,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',1,'identify',1,1795268207185,1795268207217,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',2,'check',1,1795268207230,1795268207286,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',3,'server-key',1,1795268207286,1795268207287,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',4,'device-key',1,1795268207288,1795268207388,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',5,'prove-key',1,1795268207393,1795268207437,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',6,'enrol',1,1795268207438,1795268207439,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',7,'write-images',1,1795268207441,1795268207442,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',8,'readback',1,1795268207442,1795268207451,'FAIL','flash-bad','alt 0: 0x08005000: expected 00, found ff; 1020 bytes differ');
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',9,'write-images',2,1795268207453,1795268207486,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',10,'readback',2,1795268207488,1795268207502,'FAIL','flash-bad','alt 0: 0x08005000: expected 00, found ff; 1020 bytes differ');
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',11,'write-images',3,1795268207503,1795268207515,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e239-7e86-8a8e-898d60237dd2',12,'readback',3,1795268207530,1795268207533,'FAIL','flash-bad','alt 0: 0x08005000: expected 00, found ff; 1020 bytes differ');
INSERT INTO step VALUES('01a1fe52-e415-78e3-b6b4-627f3136c485',1,'identify',1,1795268207649,1795268207707,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',1,'identify',1,1795268207669,1795268207681,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',2,'check',1,1795268207695,1795268207700,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',3,'server-key',1,1795268207709,1795268207730,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',4,'device-key',1,1795268207732,1795268207787,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',5,'prove-key',1,1795268207806,1795268207837,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',6,'enrol',1,1795268207848,1795268207853,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',7,'write-images',1,1795268207856,1795268207859,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',8,'readback',1,1795268207861,1795268207883,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',9,'enrolled',1,1795268207883,1795268208494,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-7497-bd71-a671d8421cbc',10,'leave',1,1795268208495,1795268208495,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',1,'identify',1,1795268207651,1795268207676,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',2,'check',1,1795268207699,1795268207707,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',3,'server-key',1,1795268207729,1795268207734,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',4,'device-key',1,1795268207734,1795268207849,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',5,'prove-key',1,1795268207851,1795268207873,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',6,'enrol',1,1795268207875,1795268207879,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',7,'write-images',1,1795268207881,1795268207882,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',8,'readback',1,1795268207885,1795268207894,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',9,'enrolled',1,1795268207894,1795268208399,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-755b-9c63-d7f404506efa',10,'leave',1,1795268208400,1795268208401,'PASS',NULL,NULL);
INSERT INTO step VALUES('01a1fe52-e416-77b1-a320-0a6702606fd1',1,'identify',1,1795268207670,1795268207710,'PASS',NULL,NULL);
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
) STRICT;
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
INSERT INTO device_key VALUES('c248831d760e02a6ad7cc08e6d48dd93935590fd00e74e6ffac6c189b8d62c8a','9c9b925d0a423f106e6bceb2','01a1fe52-e239-7a61-9fb3-07ffe5aba6d5','rsa-1024',replace('-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC/gM1h7zLZaqYjzVnjNDD3e6cm\nSjzgHh7Og1L2v94m24pQlnEwCm9CMFNAzSNx9tiZPBfXybc9cnNhGkouF84Zf2pw\nBT9emqGXQ0BZx3ZVcpWoJI1WT89mXfKP45E2oj7/XhYuGkqx8URI/DQBGEA6Werw\n0J2gbkjLVx/xLHBOswIDAQAB\n-----END PUBLIC KEY-----\n','\n',char(10)),'enrolled',1795268207322,1795268207396,1795268207525,NULL,'read-back');
INSERT INTO device_key VALUES('4b3d0e72e9f969cd31fc3c7a325e3a82c8613138d61907808d896e270d9567e2','4b5f6f410fd4733e60930364','01a1fe52-e239-7e86-8a8e-898d60237dd2','rsa-1024',replace('-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDU58XoOIfCN4K9s8G2JBztXoc3\n8xSJaKPYJBaUTz02hy4fgpVgdNOWV23pckVd4N2EZpVtCAORVHtd7plKPi+F9b8J\nWpkiCyqraaFZaceyg6c1pISEEfzxkNrO9x+1lV/63SaHtMWbCs4W9vfGU3O3o8yd\nhaOn7rEmUfKMdvn63QIDAQAB\n-----END PUBLIC KEY-----\n','\n',char(10)),'superseded',1795268207384,1795268207403,1795268207501,1795268207864,'read-back');
INSERT INTO device_key VALUES('ddb675fdb03e0418da8de321d8497a0e31398f863caf0d2581947301f591b87f','3ef410bb5543901a8a9ef802','01a1fe52-e238-7d1e-a938-2ac6d902241d','rsa-1024',replace('-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDtdJF6i3PWHyiu8NclXKeDHc7b\ng8tx9cGnQY1tpzRSBS4+sGgID9gFn+q0kjCElGNnstQr08y8UfwR/4Gs1aQUCh55\nSE3yUunUH5aMOyqGj54ZBeLHgXyG4oEjpE02ONTkviDg05hMaIoW+SabVNHJ7/6S\n0RpVk51Stz57xUIrTQIDAQAB\n-----END PUBLIC KEY-----\n','\n',char(10)),'enrolled',1795268207399,1795268207423,1795268207530,NULL,'read-back');
INSERT INTO device_key VALUES('fe2dc2f670c3b92885296586860011d9889f8dae168129bf90e9444ec842af02','5065f302f4f1e8b00c0c2978','01a1fe52-e416-7497-bd71-a671d8421cbc','rsa-1024',replace('-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDNF5oxq0Ju1fx/QUmzw9GYjZks\nKtiqPVjBc2ZnNuP4PsdYwRnIdsfLnmSjzpLZ/PWFaMEeuLGPBMOUxj4tbE5dKD7N\nQYgcqpkyKyS90YbKEVISEtmmyAfiGfgbzjz935QtsFA34bie7W3hsrUaMH+7WZMe\nRnVWZ/I7r+aC33WeRQIDAQAB\n-----END PUBLIC KEY-----\n','\n',char(10)),'on-device',1795268207785,1795268207822,NULL,NULL,NULL);
INSERT INTO device_key VALUES('1e789e4f7292baeac4a2b78365be652feb4201d04709b8f41d8370df1d3d318f','4b5f6f410fd4733e60930364','01a1fe52-e416-755b-9c63-d7f404506efa','rsa-1024',replace('-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCta268PLSKTU4vD7GsxHLEWU81\nA/IyYhXa/0YSryru1hRGa5lMZy7pbBLfQGMMAo1zdQJZuLHe+rOyHn1zyFZGQCCt\nLAkxLpO4O9qeHyPRSndv8X0RIIFb/dwgTM77A9/Gpt8pyqRabkvof7Pbvgknr9aD\nCiwtfbSMZPrVeoaAvwIDAQAB\n-----END PUBLIC KEY-----\n','\n',char(10)),'on-device',1795268207846,1795268207864,NULL,NULL,NULL);
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
INSERT INTO outbox VALUES(1,'01a1fe52-e239-7a61-9fb3-07ffe5aba6d5','9c9b925d0a423f106e6bceb2','c248831d760e02a6ad7cc08e6d48dd93935590fd00e74e6ffac6c189b8d62c8a','main','acknowledged',1,NULL,NULL,200,1795268207525);
INSERT INTO outbox VALUES(2,'01a1fe52-e238-7d1e-a938-2ac6d902241d','3ef410bb5543901a8a9ef802','ddb675fdb03e0418da8de321d8497a0e31398f863caf0d2581947301f591b87f','main','acknowledged',1,NULL,NULL,200,1795268207530);
INSERT INTO outbox VALUES(3,'01a1fe52-e239-7e86-8a8e-898d60237dd2','4b5f6f410fd4733e60930364','4b3d0e72e9f969cd31fc3c7a325e3a82c8613138d61907808d896e270d9567e2','main','acknowledged',1,NULL,NULL,200,1795268207501);
INSERT INTO outbox VALUES(4,'01a1fe52-e416-7497-bd71-a671d8421cbc','5065f302f4f1e8b00c0c2978','fe2dc2f670c3b92885296586860011d9889f8dae168129bf90e9444ec842af02','main','due',3,1795268218492,'the cloud gave no usable answer: Empty reply from server',NULL,NULL);
INSERT INTO outbox VALUES(5,'01a1fe52-e416-755b-9c63-d7f404506efa','4b5f6f410fd4733e60930364','1e789e4f7292baeac4a2b78365be652feb4201d04709b8f41d8370df1d3d318f','main','due',3,1795268218398,'the cloud gave no usable answer: Empty reply from server',NULL,NULL);
CREATE TABLE seal (
  seq INTEGER PRIMARY KEY CHECK (seq >= 1),
  attempt_id TEXT NOT NULL UNIQUE REFERENCES attempt (id),
  prev TEXT, hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
  signature TEXT CHECK (length(signature) = 128 AND signature NOT GLOB '*[^0-9a-f]*'), at INTEGER NOT NULL
) STRICT;
INSERT INTO seal VALUES(1,'01a1fe52-e239-7e86-8a8e-898d60237dd2',NULL,'de4227731bcfbca470660c06997ac8453a6100b3d6f063574a4dfcd62f736a43',NULL,1795268207537);
INSERT INTO seal VALUES(2,'01a1fe52-e239-7a61-9fb3-07ffe5aba6d5','de4227731bcfbca470660c06997ac8453a6100b3d6f063574a4dfcd62f736a43','8be484a57e0ee8ffb02a0ae954a89a5e41a8ed32108e16189553a65fd233f59d',NULL,1795268207547);
INSERT INTO seal VALUES(3,'01a1fe52-e238-7d1e-a938-2ac6d902241d','8be484a57e0ee8ffb02a0ae954a89a5e41a8ed32108e16189553a65fd233f59d','2e92cc9d883a46f07126c9fe5c44ed19cbf8fac8cb9027ce612ac84aaf66c709',NULL,1795268207552);
INSERT INTO seal VALUES(4,'01a1fe52-e416-77b1-a320-0a6702606fd1','2e92cc9d883a46f07126c9fe5c44ed19cbf8fac8cb9027ce612ac84aaf66c709','e5c97a434bf5ce91a82eb45122924a098d0ac11dae56b5529ae1f89eb521b99b',NULL,1795268207714);
INSERT INTO seal VALUES(5,'01a1fe52-e415-78e3-b6b4-627f3136c485','e5c97a434bf5ce91a82eb45122924a098d0ac11dae56b5529ae1f89eb521b99b','42778603873776abedc3292f829d9f4603804a78de425d6886da5bf6d7e18e8c',NULL,1795268207731);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('outbox',5);
CREATE INDEX batch_work_order ON batch (work_order);
CREATE INDEX unit_mark_device ON unit_mark (device_id);
CREATE UNIQUE INDEX attempt_open ON attempt (device_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempt_passage ON attempt (device_id, passage) WHERE device_id IS NOT NULL;
CREATE INDEX attempt_batch ON attempt (batch_id);
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
CREATE TRIGGER attempt_finished BEFORE UPDATE ON attempt WHEN OLD.ended_at IS NOT NULL AND NOT (OLD.outcome = 'HELD' AND NEW.outcome IN ('PASS', 'FAIL')) BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;
CREATE TRIGGER attempt_held BEFORE UPDATE OF device_id, device_id_source, passage, previous_attempt_id, bootloader_version, key_fingerprint, ended_at ON attempt WHEN OLD.ended_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'of a held attempt only the outcome changes'); END;
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
COMMIT;
