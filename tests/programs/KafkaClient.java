// One act of Kafka's own Java client, whose outcome is printed in a line: "ok …", or "error" with the classes of the exception and
// of its causes. Usage: KafkaClient ACT BOOTSTRAP TOPIC [GROUP]; acts are those of kafka_client.py.
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

public class KafkaClient {
    static Properties settings(String bootstrap) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        for (String side : new String[] {"key", "value"}) {
            settings.put(side + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
            settings.put(side + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        }
        return settings;
    }

    static String produce(String bootstrap, String topic, boolean idempotent, int count) throws Exception {
        Properties settings = settings(bootstrap);
        settings.put("enable.idempotence", String.valueOf(idempotent));
        if (!idempotent) settings.put("retries", "0");
        settings.put("max.block.ms", "4000");
        settings.put("request.timeout.ms", "4000");
        settings.put("delivery.timeout.ms", "8000");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            StringBuilder offsets = new StringBuilder("ok");
            for (int i = 0; i < count; ++i)
                offsets.append(" ").append(producer.send(new ProducerRecord<>(topic, 0, null, "message " + i)).get().offset());
            return offsets.toString();
        }
    }

    static String transact(String bootstrap, String topic) {
        Properties settings = settings(bootstrap);
        settings.put("transactional.id", "t-" + topic);
        settings.put("max.block.ms", "4000");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, null, "in a transaction"));
            producer.commitTransaction();
            return "ok";
        }
    }

    static String consume(String bootstrap, String topic, String group, boolean commits) {
        Properties settings = settings(bootstrap);
        settings.put("auto.offset.reset", group.isEmpty() ? "none" : "earliest");
        settings.put("group.id", group.isEmpty() ? "unused" : group);
        settings.put("enable.auto.commit", "false");
        settings.put("default.api.timeout.ms", "4000");
        settings.put("isolation.level", "read_committed");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
            if (group.isEmpty()) {
                consumer.assign(List.of(new TopicPartition(topic, 0)));
                consumer.seek(new TopicPartition(topic, 0), 0);
            } else {
                consumer.subscribe(List.of(topic));
            }
            long end = System.nanoTime() + 3_000_000_000L;
            StringBuilder values = new StringBuilder("ok");
            while (System.nanoTime() < end) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                if (records.isEmpty()) continue;
                records.forEach(record -> values.append(" ").append(record.value()));
                if (commits) consumer.commitSync();
                if (group.isEmpty()) continue;
                break;
            }
            return values.toString();
        }
    }

    public static void main(String[] words) throws Exception {
        String bootstrap = words[1], topic = words[2], group = words.length > 3 ? words[3] : "";
        long begin = System.nanoTime();
        String outcome;
        try {
            outcome = switch (words[0]) {
                case "produce" -> produce(bootstrap, topic, false, 1);
                case "produce_three" -> produce(bootstrap, topic, true, 3);
                case "transact" -> transact(bootstrap, topic);
                case "consume" -> consume(bootstrap, topic, group, false);
                case "commit" -> consume(bootstrap, topic, group, true);
                default -> throw new IllegalArgumentException(words[0]);
            };
        } catch (Exception failure) {
            StringBuilder classes = new StringBuilder("error");
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                if (!(cause instanceof ExecutionException)) classes.append(" ").append(cause.getClass().getSimpleName());
            }
            outcome = classes.toString();
        }
        System.out.println(outcome + " after " + (System.nanoTime() - begin) / 1_000_000);
        System.exit(0);
    }
}
